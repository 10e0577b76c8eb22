"""Writes the small boosters and fastText models of tests/corpus/data with what the libraries say of them.

Written with xgboost-cpu 3.2.0, lightgbm 4.7.0, catboost 1.2.10, fasttext-wheel 0.9.2 and numpy 2.4.6:
python tests/corpus/generate_graphs_boosters.py
"""

import json
import os
import tempfile
from pathlib import Path

import catboost
import fasttext
import lightgbm
import numpy as np
import xgboost

DATA = Path(__file__).resolve().parent / "data" / "boosters"
NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
rng = np.random.default_rng(11)
X = rng.random((120, 4)).round(3)
Y = (X[:, 0] + X[:, 2] * 2).round().astype(int) % 3
TRAIN, TEST = slice(0, 90), slice(90, 120)


def xgb(truth):
    train = xgboost.DMatrix(X[TRAIN], Y[TRAIN], feature_names=NAMES)
    test = xgboost.DMatrix(X[TEST], Y[TEST], feature_names=NAMES)
    parameters = {
        "objective": "multi:softprob",
        "num_class": 3,
        "eta": 0.25,
        "max_depth": 3,
        "eval_metric": "mlogloss",
    }
    booster = xgboost.train(
        parameters, train, 4, evals=[(test, "test")], early_stopping_rounds=3, verbose_eval=False
    )
    booster.set_attr(team="flowers", accuracy="0.91")
    booster.save_model(DATA / "iris.json")
    booster.save_model(DATA / "iris.ubj")
    truth["xgboost"] = {
        "trees": len(booster.get_dump()),
        "features": booster.num_features(),
        "best_score": booster.attr("best_score"),
    }
    binary = xgboost.train({"objective": "binary:logistic", "booster": "dart"}, xgboost.DMatrix(X, Y > 1), 3)
    binary.save_model(DATA / "binary-dart.ubj")
    linear = xgboost.train(
        {"objective": "reg:squarederror", "booster": "gblinear", "eta": 0.5}, xgboost.DMatrix(X, X[:, 0]), 3
    )
    linear.save_model(DATA / "linear.json")


def lgb(truth):
    train = lightgbm.Dataset(X[TRAIN], Y[TRAIN], feature_name=NAMES)
    parameters = {
        "objective": "multiclass",
        "num_class": 3,
        "learning_rate": 0.07,
        "num_leaves": 7,
        "seed": 3,
        "verbosity": -1,
        "num_threads": 1,
    }
    booster = lightgbm.train(parameters, train, 5)
    booster.save_model(DATA / "iris.lgb.txt")
    truth["lightgbm"] = {"trees": booster.num_trees(), "features": booster.num_feature()}


def cat(truth):
    model = catboost.CatBoostClassifier(
        iterations=6, depth=3, learning_rate=0.15, random_seed=5, eval_metric="Accuracy", verbose=False
    )
    train = catboost.Pool(X[TRAIN], Y[TRAIN], feature_names=NAMES)
    test = catboost.Pool(X[TEST], Y[TEST], feature_names=NAMES)
    model.fit(train, eval_set=test)
    model.get_metadata()["owner"] = "flowers-team"
    model.save_model(DATA / "iris.cbm")
    model.save_model(DATA / "iris-catboost.json", format="json")
    truth["catboost"] = {
        "trees": model.tree_count_,
        "features": len(model.feature_names_),
        "classes": len(model.classes_),
        "train_finish_time": model.get_metadata()["train_finish_time"],
        "best_score": model.get_best_score(),
    }


def text(truth):
    lines = [
        f"__label__{label} {words}" for label, words in [("a", "red green"), ("b", "blue sky"), ("c", "sun")]
    ]
    Path("train.txt").write_text("\n".join(lines * 5) + "\n")
    model = fasttext.train_supervised(
        "train.txt", dim=6, epoch=4, lr=0.5, bucket=20, wordNgrams=2, loss="softmax", thread=1, verbose=0
    )
    model.save_model(str(DATA / "labels.bin"))
    truth["fasttext"] = {
        "parameters": int(model.get_input_matrix().size + model.get_output_matrix().size),
        "words": len(model.words),
        "labels": len(model.labels),
        "dim": model.get_dimension(),
    }
    large = fasttext.train_supervised(
        "train.txt", dim=2, epoch=1, bucket=300, wordNgrams=2, thread=1, verbose=0
    )
    large.quantize("train.txt")
    truth["fasttext_quantised"] = {"words": len(large.words), "bucket": 300, "dim": 2, "labels": 3}
    large.save_model(str(DATA / "labels.ftz"))
    skipgram = fasttext.train_unsupervised(
        "train.txt", model="skipgram", dim=5, epoch=2, bucket=15, minCount=1, thread=1, verbose=0
    )
    skipgram.save_model(str(DATA / "words.bin"))
    # the output matrix of word vectors has one row per word
    truth["fasttext_vectors"] = int(skipgram.get_input_matrix().size + skipgram.get_output_matrix().size)


def main():
    DATA.mkdir(parents=True, exist_ok=True)
    truth = {}
    for write in (xgb, lgb, cat, text):
        write(truth)
    (DATA / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        main()
