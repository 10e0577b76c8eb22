"""Writes the small pickles, joblib, skops and NumPy files of tests/corpus/data/classical with what their libraries say.

Written with the versions in truth.json: python tests/corpus/generate_classical.py
"""

import importlib.metadata
import json
import pickle
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import skops.io
import xgboost
from catboost import CatBoostClassifier
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

DATA = Path(__file__).resolve().parent / "data" / "classical"
PACKAGES = ("scikit-learn", "joblib", "skops", "lightgbm", "xgboost", "catboost", "numpy")
TRUTH = {"versions": {name: importlib.metadata.version(name) for name in PACKAGES}}
X, Y = load_iris(return_X_y=True)


def forest():
    return RandomForestClassifier(n_estimators=3, max_depth=2, random_state=0).fit(X, Y)


def forests():
    model = forest()
    joblib.dump(model, DATA / "forest.joblib")
    for suffix, method in (("z", "zlib"), ("gz", "gzip"), ("bz2", "bz2"), ("xz", "xz"), ("lzma", "lzma")):
        joblib.dump(model, DATA / f"forest.joblib.{suffix}", compress=(method, 3))
    for protocol in (0, 2, 4, 5):
        (DATA / f"forest_{protocol}.pkl").write_bytes(pickle.dumps(model, protocol=protocol))
    skops.io.dump(model, DATA / "forest.skops")
    TRUTH["forest"] = {
        "trees": len(model.estimators_),
        "features": model.n_features_in_,
        "classes": len(model.classes_),
    }


def pipelines():
    steps = Pipeline(
        [
            ("log", FunctionTransformer(np.log1p)),
            (
                "columns",
                ColumnTransformer([("scale", StandardScaler(), [0, 1]), ("keep", "passthrough", [2, 3])]),
            ),
            ("classify", LogisticRegression(C=0.5, max_iter=200)),
        ]
    )
    search = GridSearchCV(steps, {"classify__C": [0.5, 1.0]}, scoring="accuracy", cv=2).fit(X, Y)
    joblib.dump(search, DATA / "search.joblib")
    (DATA / "pipeline.pkl").write_bytes(pickle.dumps(search.best_estimator_))
    skops.io.dump(search.best_estimator_, DATA / "pipeline.skops")
    TRUTH["search"] = {"best_score": search.best_score_, "C": search.best_params_["classify__C"]}


def names_of_classes():
    labels = np.array(["setosa", "versicolor", "virginica"])[Y]
    model = LogisticRegression(max_iter=300).fit(X, labels)
    joblib.dump(
        {"model": model, "encoder": OneHotEncoder().fit([["a"], ["b"]]), "note": "kept"},
        DATA / "named.joblib",
    )


def boosters():
    gradient = GradientBoostingRegressor(n_estimators=4, max_depth=2).fit(X, Y)
    joblib.dump(gradient, DATA / "gradient.joblib")
    histogram = HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=4).fit(X, Y)
    joblib.dump(histogram, DATA / "histogram.joblib", compress=3)
    TRUTH["gradient"] = {"trees": gradient.n_estimators_}
    TRUTH["histogram"] = {"trees": histogram.n_iter_ * 3}
    light = lightgbm.LGBMClassifier(n_estimators=2, num_leaves=4, verbose=-1).fit(X, Y)
    (DATA / "lightgbm.pkl").write_bytes(pickle.dumps(light))
    TRUTH["lightgbm"] = {"trees": light.booster_.num_trees(), "objective": "multiclass"}
    extreme = xgboost.XGBClassifier(n_estimators=2, max_depth=2).fit(X, Y)
    (DATA / "xgboost.pkl").write_bytes(pickle.dumps(extreme))
    joblib.dump(extreme, DATA / "xgboost.joblib", compress=3)
    TRUTH["xgboost"] = {"trees": len(extreme.get_booster().get_dump()), "objective": extreme.objective}
    cat = CatBoostClassifier(iterations=3, depth=2, verbose=False, allow_writing_files=False).fit(X, Y)
    (DATA / "catboost.pkl").write_bytes(pickle.dumps(cat))
    TRUTH["catboost"] = {"trees": cat.tree_count_}


def arrays():
    np.save(DATA / "weights.npy", np.zeros((3, 4), np.float32))
    np.save(DATA / "fortran.npy", np.asfortranarray(np.zeros((3, 4), np.float64)))
    np.save(DATA / "objects.npy", np.array([{"a": 1}, "b"], dtype=object), allow_pickle=True)
    structured = np.zeros(5, dtype=[("a", "<f4"), ("b", "<i8", (2,))])
    np.save(DATA / "structured.npy", structured)
    np.savez(DATA / "stored.npz", kernel=np.zeros((3, 4), np.float16), bias=np.zeros(4, np.float16))
    np.savez_compressed(
        DATA / "deflated.npz", kernel=np.zeros((3, 4), np.float32), labels=np.array(["a", "bc"])
    )
    TRUTH["structured"] = {"bytes": structured.nbytes}


def main():
    DATA.mkdir(parents=True, exist_ok=True)
    for write in (forests, pipelines, names_of_classes, boosters, arrays):
        write()
    (DATA / "truth.json").write_text(json.dumps(TRUTH, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
