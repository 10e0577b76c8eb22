"""Writes the files of tests/cases/harmless.tar.xz: what widely used libraries pickle every day.

Written with scikit-learn, SciPy, pandas, LightGBM, XGBoost, CatBoost, statsmodels, gensim, imbalanced-learn, polars,
networkx, category_encoders and skops: python tests/corpus/generate_harmless.py FOLDER (then: tar -cJf harmless.tar.xz -C
FOLDER .). What is not installed is left out and named.
"""

import array
import collections
import datetime as dt
import decimal
import fractions
import functools
import importlib
import ipaddress
import itertools
import logging
import math
import operator
import pathlib
import pickle
import random
import re
import string
import sys
import types
import uuid
import zoneinfo

import joblib
import numpy as np
import pandas as pd
import scipy.interpolate
import scipy.sparse
import scipy.spatial
import scipy.stats
from sklearn import (
    calibration,
    cluster,
    compose,
    covariance,
    cross_decomposition,
    decomposition,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    isotonic,
    kernel_approximation,
    linear_model,
    metrics,
    mixture,
    model_selection,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    semi_supervised,
    svm,
    tree,
)
from sklearn.feature_extraction import text

OUT = pathlib.Path(sys.argv[1])
PROTOCOLS = (2, 4, 5)
NEWER = (2, 5)
PACKINGS = {"z": 3, "xz": ("xz", 3), "lz": ("lzma", 3), "bz": ("bz2", 3), "gz": ("gzip", 3)}
X = np.random.default_rng(7).random((40, 4))
Y = (X[:, 0] > 0.5).astype(int)
TABLE = pd.DataFrame(X, columns=list("abcd"))


def pickled(name, value, protocols=PROTOCOLS):
    """One file for each protocol."""
    for protocol in protocols:
        (OUT / f"{name}-p{protocol}.pkl").write_bytes(pickle.dumps(value, protocol))


def dumped(name, value, **options):
    joblib.dump(value, OUT / f"{name}.joblib", **options)


def of_python():
    berlin = dt.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    values = {
        "collections": [
            collections.OrderedDict(a=1),
            collections.Counter("abc"),
            collections.deque([1], 3),
            collections.defaultdict(list, {1: [2]}),
            collections.ChainMap({1: 2}),
        ],
        "datetime": [
            dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
            dt.date(2024, 1, 1),
            dt.timedelta(1),
        ],
        "zoneinfo": berlin,
        "numbers": [decimal.Decimal("1.5"), fractions.Fraction(1, 3), complex(1, 2), 10**60],
        "uuid": uuid.uuid4(),
        "path": [pathlib.PurePosixPath("a/b"), pathlib.Path("x")],
        "regex": [re.compile("a+")],
        "itemgetter": [operator.itemgetter(1), operator.attrgetter("x"), operator.methodcaller("lower")],
        "array": array.array("d", [1, 2]),
        "random": random.Random(1),
        "namespace": types.SimpleNamespace(a=1),
        "bytes": [b"abc", bytearray(b"abc"), frozenset([1]), {1, 2}, range(3), slice(1, 2)],
        "partial": functools.partial(np.mean, axis=0),
        "partial-str": functools.partial(str.split, sep=","),
        "strmethod": [str.lower, str.split],
        "builtins": [len, sum, max, min, abs, print, sorted, isinstance, round],
        "mathf": [math.sqrt, math.log1p],
        "exception": [ValueError("x"), KeyError("y")],
        "ip": ipaddress.ip_address("10.0.0.1"),
        "simplequeue": itertools.count(3),
        "repeat": itertools.repeat(1, 3),
        "stringtemplate": string.Template("$a"),
        "enumflag": re.IGNORECASE,
        "operatorf": [operator.add, operator.mul],
        "logging": logging.getLogger("x"),
    }
    for name, value in values.items():
        pickled(f"std-{name}", value)


def of_arrays_and_tables():
    day = "2024-01-01"
    values = {
        "numpy": [
            np.arange(3),
            np.float32(1),
            np.array(["a"]),
            np.array([1, "a"], dtype=object),
            np.ma.array([1, 2], mask=[0, 1]),
            np.datetime64(day),
            np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
            np.asmatrix([[1]]),
            np.random.default_rng(1),
            np.random.RandomState(1),
            np.rec.array([(1,)], dtype=[("a", "i4")]),
            np.dtype("f8"),
            np.float64,
        ],
        "ufuncs": [np.log1p, np.expm1, np.exp, np.add],
        "poly": [np.poly1d([1, 2]), np.polynomial.Polynomial([1, 2])],
        "vectorize": np.vectorize(max),
        "nprandomgen": np.random.SeedSequence(3),
        "memmapless": np.asfortranarray(X),
        "bignp": np.zeros(3000),
        "pandas": [
            pd.DataFrame(
                {
                    "a": [1, 2],
                    "b": ["x", "y"],
                    "c": pd.to_datetime([day, day]),
                    "d": pd.Categorical(["u", "v"]),
                }
            )
        ],
        "pandas-idx": [
            pd.MultiIndex.from_product([[1], [2]]),
            pd.date_range(day, periods=3, freq="D", tz="UTC"),
            pd.period_range("2024", periods=2, freq="M"),
            pd.interval_range(0, 2),
            pd.RangeIndex(3),
            pd.timedelta_range("1D", periods=2),
        ],
        "pandas-arr": [
            pd.Series([1, None], dtype="Int64"),
            pd.Series(["a"], dtype="string"),
            pd.Series([True, None], dtype="boolean"),
            pd.arrays.SparseArray([0, 1]),
            pd.Timestamp(day, tz="Europe/Paris"),
            pd.Timedelta("1D"),
            pd.NaT,
            pd.NA,
            pd.offsets.BusinessDay(2),
            pd.offsets.CustomBusinessDay(),
            pd.Period("2024-01", "M"),
            pd.Interval(0, 1),
        ],
        "pandas-grouper": pd.Grouper(key="a", freq="D"),
        "sparse": [
            scipy.sparse.csr_matrix(X),
            scipy.sparse.coo_array(X),
            scipy.sparse.csc_matrix(X),
            scipy.sparse.lil_matrix(X),
            scipy.sparse.dia_matrix(X),
        ],
        "scipy": [
            scipy.stats.norm(0, 1),
            scipy.stats.gamma(2),
            scipy.stats.randint(1, 5),
            scipy.stats.loguniform(1e-3, 1),
            scipy.interpolate.interp1d([0, 1, 2], [1, 2, 3]),
            scipy.interpolate.UnivariateSpline(np.arange(6), np.arange(6)),
            scipy.interpolate.CubicSpline([0, 1, 2], [1, 2, 3]),
            scipy.interpolate.RegularGridInterpolator((np.arange(3),), np.arange(3.0)),
            scipy.spatial.cKDTree(X),
            scipy.spatial.KDTree(X),
            scipy.stats.gaussian_kde(X.T),
        ],
        "scipy-more": [
            scipy.interpolate.PchipInterpolator([0, 1, 2], [1, 2, 3]),
            scipy.interpolate.make_interp_spline(np.arange(6), np.arange(6)),
            scipy.interpolate.RBFInterpolator(X, Y),
            scipy.stats.multivariate_normal([0, 0]),
            scipy.spatial.transform.Rotation.from_quat([0, 0, 0, 1]),
        ],
    }
    for name, value in values.items():
        pickled(f"std-{name}", value)
    np.savez(OUT / "a.npz", a=X, b=Y)
    np.savez_compressed(OUT / "c.npz", a=X)
    np.save(OUT / "a.npy", X)
    np.save(OUT / "o.npy", np.array([1, "a", None], dtype=object))
    np.savez(OUT / "o.npz", a=np.array([1, "a"], dtype=object))
    dumped("np-dict", {"a": X, "b": [Y, X]})
    dumped("big", np.zeros((500, 500)), compress=0)


def estimators():
    """Name to an estimator that is not fitted yet."""
    logistic = linear_model.LogisticRegression
    kernel = gaussian_process.kernels.RBF() + gaussian_process.kernels.WhiteKernel()
    scorer = metrics.make_scorer(metrics.f1_score)
    draws = {"C": scipy.stats.loguniform(1e-2, 1)}
    folds = model_selection.StratifiedKFold(2)
    return {
        "lr": logistic(),
        "sgd": linear_model.SGDClassifier(loss="log_loss"),
        "ransac": linear_model.RANSACRegressor(),
        "rf": ensemble.RandomForestClassifier(3),
        "gb": ensemble.GradientBoostingClassifier(n_estimators=3),
        "hgb": ensemble.HistGradientBoostingClassifier(max_iter=3),
        "iso": ensemble.IsolationForest(n_estimators=3),
        "ada": ensemble.AdaBoostClassifier(n_estimators=2),
        "bag": ensemble.BaggingClassifier(n_estimators=2),
        "vote": ensemble.VotingClassifier([("a", logistic())]),
        "stack": ensemble.StackingClassifier([("a", logistic())], cv=2),
        "svc": svm.SVC(probability=True),
        "lsvc": svm.LinearSVC(),
        "knn": neighbors.KNeighborsClassifier(),
        "knnball": neighbors.KNeighborsClassifier(algorithm="ball_tree"),
        "knnkd": neighbors.KNeighborsClassifier(algorithm="kd_tree", metric="minkowski", p=3),
        "lof": neighbors.LocalOutlierFactor(novelty=True),
        "gp": gaussian_process.GaussianProcessClassifier(kernel),
        "nb": naive_bayes.GaussianNB(),
        "mlp": neural_network.MLPClassifier((3,), max_iter=5),
        "cal": calibration.CalibratedClassifierCV(svm.LinearSVC()),
        "tree": tree.DecisionTreeClassifier(),
        "grid": model_selection.GridSearchCV(logistic(), {"C": [1, 2]}, cv=2),
        "rand": model_selection.RandomizedSearchCV(logistic(), draws, n_iter=2, cv=folds, scoring=scorer),
        "ovr": multiclass.OneVsRestClassifier(svm.LinearSVC()),
        "pls": cross_decomposition.PLSRegression(),
        "ee": covariance.EllipticEnvelope(),
        "lp": semi_supervised.LabelPropagation(),
        "nystroem": pipeline.make_pipeline(kernel_approximation.Nystroem(n_components=3), logistic()),
        "gm": mixture.GaussianMixture(2),
        "km": cluster.KMeans(2),
        "dbscan": cluster.DBSCAN(),
        "pca": decomposition.PCA(2),
        "tsvd": decomposition.TruncatedSVD(2),
        "nmf": decomposition.NMF(2),
        "lda": decomposition.LatentDirichletAllocation(2),
        "ft": preprocessing.FunctionTransformer(np.log1p),
        "power": preprocessing.PowerTransformer(),
        "quant": preprocessing.QuantileTransformer(n_quantiles=5),
        "kbins": preprocessing.KBinsDiscretizer(3),
        "spline": preprocessing.SplineTransformer(),
        "poly": preprocessing.PolynomialFeatures(2),
        "skb": feature_selection.SelectKBest(feature_selection.f_classif, k=2),
        "rfe": feature_selection.RFE(logistic(), n_features_to_select=2),
        "knnimp": impute.KNNImputer(),
        "itimp": impute.SimpleImputer(),
        "isotonic": isotonic.IsotonicRegression(),
    }


def of_scikit_learn():
    for name, estimator in estimators().items():
        estimator.fit(X[:, 0] if name == "isotonic" else X, Y)
        pickled(f"skl-{name}", estimator, NEWER)
        dumped(f"skl-{name}", estimator)
        for packing, options in PACKINGS.items() if name in {"lr", "rf"} else ():
            dumped(f"skl{packing}-{name}", estimator, compress=options)
    scaled = (preprocessing.StandardScaler(), compose.make_column_selector(dtype_include=np.number))
    columns = compose.make_column_transformer(scaled, ("passthrough", [0]))
    encoded = compose.ColumnTransformer(
        [
            ("o", preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["a"]),
            ("q", preprocessing.OrdinalEncoder(), ["b"]),
        ]
    )
    words = text.TfidfVectorizer(tokenizer=str.split, preprocessor=str.lower)
    fitted = {
        "skl-ct": pipeline.make_pipeline(columns, linear_model.LogisticRegression()).fit(TABLE, Y),
        "skl-ct2": encoded.set_output(transform="pandas").fit(TABLE),
        "skl-tfidf": pipeline.make_pipeline(words, naive_bayes.MultinomialNB()).fit(["a b", "c d"], [0, 1]),
    }
    for name, estimator in fitted.items():
        pickled(name, estimator)
        dumped(name, estimator)
    hashed = pipeline.make_pipeline(
        text.HashingVectorizer(n_features=16), text.TfidfTransformer(), linear_model.SGDClassifier()
    )
    dumped("skl-hash", hashed.fit(["a b", "c d"], [0, 1]))
    labels = preprocessing.LabelEncoder().fit(["a", "b"])
    model = linear_model.LogisticRegression().fit(X, Y)
    dumped(
        "dict",
        {"model": model, "metrics": {"acc": 0.9}, "enc": labels, "df": TABLE, "path": pathlib.Path("x")},
    )
    skops = importlib.import_module("skops.io")
    skops.dump(model, OUT / "lr.skops")
    skops.dump(fitted["skl-ct"], OUT / "ct.skops")


def of_boosters():
    lightgbm, xgboost = importlib.import_module("lightgbm"), importlib.import_module("xgboost")
    catboost = importlib.import_module("catboost")
    light = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(X, Y)
    extreme = xgboost.XGBClassifier(n_estimators=2).fit(X, Y)
    cat = catboost.CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False).fit(X, Y)
    for name, model in (("lgb", light), ("xgb", extreme), ("cb", cat)):
        pickled(name, model, NEWER)
        dumped(name, model)
    pickled("lgbb", light.booster_, NEWER)
    pickled("xgbb", extreme.get_booster(), NEWER)


def of_statsmodels():
    api, formula = (
        importlib.import_module("statsmodels.api"),
        importlib.import_module("statsmodels.formula.api"),
    )
    fits = {
        "ols": api.OLS(Y, X).fit(),
        "logit": api.Logit(Y, X).fit(disp=0, maxiter=3, method="bfgs"),
        "arima": api.tsa.ARIMA(X[:, 0], order=(1, 0, 0)).fit(),
        "ets": api.tsa.ExponentialSmoothing(X[:, 0]).fit(),
        "formula": formula.ols("y ~ a + b", TABLE.assign(y=Y)).fit(),
        "glm": api.GLM(Y, X, family=api.families.Poisson()).fit(),
    }
    for name, fit in fits.items():
        pickled(f"sm-{name}", fit, NEWER)


def of_gensim():
    models, corpora = importlib.import_module("gensim.models"), importlib.import_module("gensim.corpora")
    sentences = [["a", "b", "c"], ["a", "d"]] * 5
    words = models.Word2Vec(sentences, vector_size=4, min_count=1)
    words.save(str(OUT / "gensim-w2v.model"))
    words.wv.save(str(OUT / "gensim-kv.kv"))
    pickled("gensim-w2v", words, NEWER)
    dictionary = corpora.Dictionary(sentences)
    dictionary.save(str(OUT / "gensim.dict"))
    bags = [dictionary.doc2bow(sentence) for sentence in sentences]
    models.LdaModel(bags, 2, dictionary).save(str(OUT / "gensim-lda.model"))


def of_others():
    sampler = importlib.import_module("imblearn.over_sampling").RandomOverSampler()
    balanced = importlib.import_module("imblearn.pipeline").make_pipeline(
        sampler, linear_model.LogisticRegression()
    )
    pickled("imb", balanced.fit(X, Y), NEWER)
    encoder = importlib.import_module("category_encoders").TargetEncoder()
    pickled("ce", encoder.fit(pd.DataFrame({"a": ["x", "y"] * 20}), Y), NEWER)
    pickled("nx", importlib.import_module("networkx").path_graph(3), NEWER)
    pickled("polars", importlib.import_module("polars").DataFrame({"a": [1]}), NEWER)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for write in (
        of_python,
        of_arrays_and_tables,
        of_scikit_learn,
        of_boosters,
        of_statsmodels,
        of_gensim,
        of_others,
    ):
        try:
            write()
        except ImportError as error:
            print(f"{write.__name__}: {error}", file=sys.stderr)
    print(len(list(OUT.iterdir())))


if __name__ == "__main__":
    main()
