"""Callbacks for trainers: what they measure goes beside the model while they train, and when and how at the end.

    trainer = Trainer(..., callbacks=[modeldex.callbacks.for_transformers()])

A framework is imported when its callback is made, never before. What cannot be written is logged once and never stops a
training; the last values are written at the end, in between at most every few seconds.
"""

from modeldex.callbacks.keras import for_keras
from modeldex.callbacks.lightgbm import for_lightgbm
from modeldex.callbacks.lightning import for_lightning
from modeldex.callbacks.transformers import for_transformers
from modeldex.callbacks.xgboost import for_xgboost

__all__ = ["for_keras", "for_lightgbm", "for_lightning", "for_transformers", "for_xgboost"]
