"""Which imports are data, which are classes of known libraries, which are somebody's code, and which are dangerous."""

from __future__ import annotations

import pytest

from crawler.formats.pickle_names import Verdict, judged, judged_call

ALLOWED = [
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.FloatStorage",
    "torch.BFloat16Storage",
    "torch.cuda.HalfStorage",
    "torch.float8_e4m3fn",
    "torch.Size",
    "torch.nn.parameter.Parameter",
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
]
KNOWN = [
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.tree._tree.Tree",
    "lightgbm.sklearn.LGBMClassifier",
    "xgboost.core.Booster",
    "catboost.core.CatBoostClassifier",
    "joblib.numpy_pickle.NumpyArrayWrapper",
    "scipy.sparse._csr.csr_matrix",
    "pandas.core.frame.DataFrame",
    "transformers.training_args.TrainingArguments",
    "argparse.Namespace",
    "omegaconf.dictconfig.DictConfig",
    "pathlib.PosixPath",
    "gensim.models.word2vec.Word2Vec",
    "gensim.utils.ClippedCorpus",
    "__builtin__.hash",
    "__builtin__.long",
    "lightning.pytorch.utilities.parsing.AttributeDict",
    "ultralytics.nn.tasks.DetectionModel",
    "torch.nn.modules.conv.Conv2d",
    "torch.optim.adam.Adam",
    "builtins.set",
    "__builtin__.slice",
    "_codecs.encode",
    "copy_reg._reconstructor",
    "datetime.datetime",
    "sklearn.neighbors._kd_tree.newObj",
]
UNKNOWN = [
    "models.common.Conv",
    "my_project.Network",
    "torch.storage._load_from_bytes",
    "sklearn.ensemble._forest.some.chain",
    "torch._utils._rebuild_tensor_v2.more",
    "sklearn.utils._testing.Whatever",
    "pandas.io.common.Handle",
    "numpy.some_function",
    "collections.abc.Mapping",
]
DANGEROUS = [
    "os.system",
    "posix.system",
    "nt.system",
    "subprocess.Popen",
    "commands.getoutput",
    "builtins.eval",
    "__builtin__.eval",
    "builtins.exec",
    "builtins.getattr",
    "builtins.__import__",
    "builtins.open",
    "io.open",
    "_io.FileIO",
    "runpy._run_code",
    "importlib.import_module",
    "shutil.rmtree",
    "pty.spawn",
    "socket.socket",
    "webbrowser.open",
    "requests.get",
    "torch.hub.load",
    "torch.load",
    "torch.utils.bottleneck.__main__.run_cprofile",
    "numpy.testing._private.utils.runstring",
    "pickle.loads",
    "cPickle.loads",
    "_pickle.Unpickler",
    "dill._dill._load_type",
    "cloudpickle.cloudpickle._builtin_type",
    "marshal.loads",
    "types.CodeType",
    "functools.partial",
    "operator.attrgetter",
    "ctypes.CDLL",
    "multiprocessing.util.spawnv_passfds",
    "asyncio.unix_events._UnixSubprocessTransport._start",
    "timeit.timeit",
    "cProfile.runctx",
    "bdb.Bdb",
    "pydoc.pipepager",
    "pip.main",
    "<computed>.<computed>",
    "<extension>.7",
    "torch._utils.os.system",
    "sklearn.base.os.system",
    "collections.OrderedDict.__init__.__globals__",
    "torch.serialization.load",
    "joblib.load",
    "logging.config._resolve",
]
TABLE = [
    *[(name, Verdict.ALLOWED) for name in ALLOWED],
    *[(name, Verdict.KNOWN) for name in KNOWN],
    *[(name, Verdict.UNKNOWN) for name in UNKNOWN],
    *[(name, Verdict.DANGEROUS) for name in DANGEROUS],
]
CHAINS = {
    "sklearn.ensemble._forest.some.chain": ("sklearn.ensemble._forest", "some.chain"),
    "torch._utils._rebuild_tensor_v2.more": ("torch._utils", "_rebuild_tensor_v2.more"),
    "torch._utils.os.system": ("torch._utils", "os.system"),
    "sklearn.base.os.system": ("sklearn.base", "os.system"),
    "collections.OrderedDict.__init__.__globals__": ("collections", "OrderedDict.__init__.__globals__"),
    "asyncio.unix_events._UnixSubprocessTransport._start": (
        "asyncio.unix_events",
        "_UnixSubprocessTransport._start",
    ),
}


@pytest.mark.parametrize(("full", "verdict"), TABLE, ids=[row[0] for row in TABLE])
def test_import_that_is_called_is_judged(full, verdict):
    module, _, name = full.rpartition(".")
    assert judged(*CHAINS.get(full, (module, name)), called=True) is verdict


def test_function_of_a_known_library_is_known_only_while_nobody_calls_it():
    assert judged("numpy", "log1p", called=False) is Verdict.KNOWN
    assert judged("numpy", "log1p", called=True) is Verdict.UNKNOWN


def test_torchscript_classes_are_data_in_torchscript_only():
    assert judged("__torch__.models", "Net", called=True, torchscript=True) is Verdict.ALLOWED
    assert judged("__torch__.models", "Net", called=True) is Verdict.UNKNOWN
    assert judged("torch.jit._pickle", "build_intlist", called=True, torchscript=True) is Verdict.ALLOWED


def test_function_of_the_standard_library_that_nobody_thought_of_is_dangerous():
    assert judged("sunau", "open_anything", called=True) in {Verdict.DANGEROUS, Verdict.UNKNOWN}
    assert judged("graphlib", "run_it", called=True) is Verdict.DANGEROUS


def test_gensim_s_wrappers_run_programs_and_are_not_known():
    assert judged("gensim.models.wrappers.ldamallet", "LdaMallet", called=True) is Verdict.UNKNOWN


def test_function_of_gensim_is_known_where_it_stands_and_not_where_it_is_called():
    assert judged("gensim.utils", "call_on_class_only", called=False) is Verdict.KNOWN
    assert judged("gensim.utils", "unpickle", called=True) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("full", "verdict"),
    [
        ("torch.distributed.tensor.DTensor", Verdict.KNOWN),
        ("torch.distributed.device_mesh.DeviceMesh", Verdict.KNOWN),
        ("torch.distributed.device_mesh.init_device_mesh", Verdict.UNKNOWN),
        ("torchao.quantization.Int8Tensor", Verdict.KNOWN),
        ("torchao.quantization.quantize_", Verdict.UNKNOWN),
        ("sentence_transformers.base.sampler.BatchSamplers", Verdict.KNOWN),
        ("sentence_transformers.training_args.MultiDatasetBatchSamplers", Verdict.KNOWN),
        ("sentence_transformers.base.sampler.NoDuplicatesBatchSampler", Verdict.UNKNOWN),
    ],
)
def test_what_libraries_vouch_for_is_known_when_it_is_called(full, verdict):
    module, _, name = full.rpartition(".")
    assert judged_call(module, name, called=True) is verdict


@pytest.mark.parametrize("name", ["missing.NA", "tslibs.nattype.__nat_unpickle"])
def test_nothing_is_odd_about_a_value_that_is_missing_in_a_table(name):
    """Every table of texts or times with a gap was said to call an unknown import."""
    module, _, name = f"pandas._libs.{name}".rpartition(".")
    assert judged_call(module, name, called=True, filled=True) is Verdict.KNOWN
