"""Tasks that names of classes and libraries give away, as pipeline tags.

Source: huggingface/transformers src/transformers/models/auto/modeling_auto.py; huggingface/peft src/peft/utils/peft_types.py
(`TaskType`); huggingface/hub-docs pipeline types.
"""

from __future__ import annotations

from collections.abc import Iterable

_SUFFIXES = (
    ("ForCausalLM", "text-generation"),
    ("LMHeadModel", "text-generation"),
    ("ForSequenceClassification", "text-classification"),
    ("ForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "question-answering"),
    ("ForMaskedLM", "fill-mask"),
    ("ForMultipleChoice", "multiple-choice"),
    ("ForNextSentencePrediction", "text-classification"),
    ("ForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("ForCTC", "automatic-speech-recognition"),
    ("ForAudioClassification", "audio-classification"),
    ("ForAudioXVector", "audio-classification"),
    ("ForAudioFrameClassification", "audio-classification"),
    ("ForImageClassificationWithTeacher", "image-classification"),
    ("ForImageClassification", "image-classification"),
    ("ForVideoClassification", "video-classification"),
    ("ForSemanticSegmentation", "image-segmentation"),
    ("ForInstanceSegmentation", "image-segmentation"),
    ("ForUniversalSegmentation", "image-segmentation"),
    ("ForImageSegmentation", "image-segmentation"),
    ("ForZeroShotObjectDetection", "zero-shot-object-detection"),
    ("ForObjectDetection", "object-detection"),
    ("ForDepthEstimation", "depth-estimation"),
    ("ForVisualQuestionAnswering", "visual-question-answering"),
    ("ForDocumentQuestionAnswering", "document-question-answering"),
    ("ForTableQuestionAnswering", "table-question-answering"),
    ("ForImageTextToText", "image-text-to-text"),
    ("ForMaskGeneration", "mask-generation"),
    ("ForKeypointDetection", "keypoint-detection"),
    ("ForTextToWaveform", "text-to-audio"),
    ("ForTextToSpectrogram", "text-to-speech"),
    ("ForTextToSpeech", "text-to-speech"),
)
_WHOLE = {
    "T5ForConditionalGeneration": "text2text-generation",
    "MT5ForConditionalGeneration": "text2text-generation",
    "BartForConditionalGeneration": "text2text-generation",
    "MBartForConditionalGeneration": "translation",
    "PegasusForConditionalGeneration": "summarization",
    "MarianMTModel": "translation",
    "M2M100ForConditionalGeneration": "translation",
    "FSMTForConditionalGeneration": "translation",
    "WhisperForConditionalGeneration": "automatic-speech-recognition",
    "Speech2TextForConditionalGeneration": "automatic-speech-recognition",
    "LlavaForConditionalGeneration": "image-text-to-text",
    "LlavaNextForConditionalGeneration": "image-text-to-text",
    "PaliGemmaForConditionalGeneration": "image-text-to-text",
    "Idefics3ForConditionalGeneration": "image-text-to-text",
    "Qwen2VLForConditionalGeneration": "image-text-to-text",
    "Qwen2_5_VLForConditionalGeneration": "image-text-to-text",
    "Gemma3ForConditionalGeneration": "image-text-to-text",
    "MllamaForConditionalGeneration": "image-text-to-text",
    "BlipForConditionalGeneration": "image-to-text",
    "Blip2ForConditionalGeneration": "image-to-text",
    "Pix2StructForConditionalGeneration": "image-to-text",
    "VisionEncoderDecoderModel": "image-to-text",
    "SpeechT5ForTextToSpeech": "text-to-speech",
    "VitsModel": "text-to-speech",
    "CLIPModel": "zero-shot-image-classification",
    "SiglipModel": "zero-shot-image-classification",
}
_PEFT = {
    "CAUSAL_LM": "text-generation",
    "SEQ_CLS": "text-classification",
    "SEQ_2_SEQ_LM": "text2text-generation",
    "TOKEN_CLS": "token-classification",
    "QUESTION_ANS": "question-answering",
    "FEATURE_EXTRACTION": "feature-extraction",
}
_PIPELINES = (
    ("InpaintPipeline", "image-to-image"),
    ("Img2ImgPipeline", "image-to-image"),
    ("ImageToImagePipeline", "image-to-image"),
    ("UpscalePipeline", "image-to-image"),
    ("InstructPix2PixPipeline", "image-to-image"),
    ("ImageToVideo", "image-to-video"),
    ("StableVideoDiffusionPipeline", "image-to-video"),
    ("VideoPipeline", "text-to-video"),
    ("AnimateDiff", "text-to-video"),
    ("TextToVideo", "text-to-video"),
    ("AudioPipeline", "text-to-audio"),
    ("AudioLDM", "text-to-audio"),
    ("MusicLDM", "text-to-audio"),
    ("StableDiffusion", "text-to-image"),
    ("FluxPipeline", "text-to-image"),
    ("PixArt", "text-to-image"),
    ("Kandinsky", "text-to-image"),
    ("DDPMPipeline", "unconditional-image-generation"),
    ("DDIMPipeline", "unconditional-image-generation"),
    ("PNDMPipeline", "unconditional-image-generation"),
    ("ScoreSdeVePipeline", "unconditional-image-generation"),
    ("LDMPipeline", "unconditional-image-generation"),
    ("LDMTextToImage", "text-to-image"),
)

_TAGS = (
    "text-classification token-classification table-question-answering question-answering zero-shot-classification "
    "translation summarization feature-extraction text-generation text2text-generation fill-mask sentence-similarity "
    "text-ranking text-to-speech text-to-audio automatic-speech-recognition audio-to-audio audio-classification "
    "voice-activity-detection depth-estimation image-classification object-detection image-segmentation text-to-image "
    "image-to-text image-to-image image-to-video unconditional-image-generation video-classification text-to-video "
    "zero-shot-image-classification mask-generation zero-shot-object-detection text-to-3d image-to-3d "
    "image-feature-extraction keypoint-detection reinforcement-learning robotics tabular-classification "
    "tabular-regression time-series-forecasting visual-question-answering document-question-answering "
    "image-text-to-text audio-text-to-text video-text-to-text visual-document-retrieval any-to-any "
    "graph-ml multiple-choice"
)
PIPELINE_TAGS = frozenset(_TAGS.split())


def only_one_named(names: Iterable[str]) -> str | None:
    """The one pipeline tag among the names; None if there is none, or more than one."""
    found = {name for name in names if name in PIPELINE_TAGS}
    return found.pop() if len(found) == 1 else None


def of_architecture(name: str) -> str | None:
    """The task of a transformers class, by its whole name or its suffix."""
    if name in _WHOLE:
        return _WHOLE[name]
    bare = name.removeprefix("TF").removeprefix("Flax")
    return next((task for suffix, task in _SUFFIXES if bare.endswith(suffix)), None)


def of_peft(task_type: str) -> str | None:
    """The task of a PEFT `task_type`."""
    return _PEFT.get(task_type.upper())


def of_pipeline(class_name: str) -> str | None:
    """The task of a diffusers pipeline class."""
    return next((task for part, task in _PIPELINES if part in class_name), None)
