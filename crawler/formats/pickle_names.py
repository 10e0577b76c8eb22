"""Which names a model file may import, by allow-list: everything that is not known to be inert is said.

A deny-list only chooses the words and the severity; it never decides that something is clean.

Source: torch/_weights_only_unpickler.py for what torch itself allows; picklescan and promptfoo/modelaudit for names that
attackers were seen to use; CPython `sys.stdlib_module_names`.
"""

from __future__ import annotations

import sys
from enum import IntEnum

from catalog.text.patterns import pattern

_PYTHON_2 = {
    "__builtin__": "builtins",
    "__builtins__": "builtins",
    "copy_reg": "copyreg",
    "cPickle": "pickle",
    "_pickle": "pickle",
    "commands": "subprocess",
    "exceptions": "builtins",
    "_io": "io",
    "posixpath": "os.path",
    "ntpath": "os.path",
}
"""Modules under other names, as `pickle.Unpickler` maps them for protocols below 3, and C modules behind Python ones."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Verdict(IntEnum):
    """What an import means to someone who loads the file."""

    ALLOWED = 0  # data: tensors, arrays, dictionaries
    KNOWN = 1  # a class of a well-known library: needs the library and trust in it
    UNKNOWN = 2  # somebody's code, or a function whose effects nobody vouches for
    DANGEROUS = 3  # runs commands, reads files, or reaches everything else


_ALLOWED = frozenset(
    {
        "collections.OrderedDict",
        "torch.Size",
        "torch.device",
        "torch.Tensor",
        "torch.nn.parameter.Parameter",
        "torch.nn.parameter.UninitializedParameter",
        "torch.nn.parameter.Buffer",
        "torch.storage.UntypedStorage",
        "torch.storage.TypedStorage",
        "torch.storage._UntypedStorage",
        "torch.storage._TypedStorage",
        "torch.serialization._get_layout",
        "torch._tensor._rebuild_from_type_v2",
        "torch.torch_version.TorchVersion",
        "numpy.dtype",
        "numpy.ndarray",
        "numpy.core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
        "numpy.core.numeric._frombuffer",
        "numpy._core.numeric._frombuffer",
        # these call what they are given, which is judged as called itself
        "dill._dill._create_array",
        "dill.dill._create_array",
        "jax._src.array._reconstruct_array",
    }
)
_REBUILDERS = frozenset(
    {
        "_rebuild_tensor",
        "_rebuild_tensor_v2",
        "_rebuild_tensor_v3",
        "_rebuild_parameter",
        "_rebuild_parameter_v2",
        "_rebuild_parameter_with_state",
        "_rebuild_qtensor",
        "_rebuild_sparse_tensor",
        "_rebuild_sparse_csr_tensor",
        "_rebuild_nested_tensor",
        "_rebuild_device_tensor_from_numpy",
        "_rebuild_device_tensor_from_cpu_tensor",
        "_rebuild_meta_tensor_no_storage",
        "_rebuild_wrapper_subclass",
        "_rebuild_xla_tensor",
    }
)
_TORCH_DTYPES = _words(
    "float32 float64 float16 bfloat16 half float double int8 int16 int32 int64 int long short uint8 uint16 uint32 uint64 "
    "bool complex32 complex64 complex128 qint8 quint8 qint32 quint4x2 quint2x4 bits8 float8_e4m3fn float8_e5m2 "
    "float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 strided sparse_coo sparse_csr per_tensor_affine "
    "per_channel_affine contiguous_format channels_last preserve_format"
)

_INERT_BUILTINS = _words(
    "set list dict tuple int float str bytes bytearray slice range complex frozenset object bool hash long unicode xrange "
    "Ellipsis NotImplemented"
)
_INERT = frozenset(
    {
        "_codecs.encode",
        "copyreg._reconstructor",
        "copyreg.__newobj__",
        "copyreg.__newobj_ex__",
        "argparse.Namespace",
        "collections.defaultdict",
        "collections.Counter",
        "collections.deque",
        "collections.UserDict",
        "collections.ChainMap",
        "array.array",
        "string.Template",
        "re.RegexFlag",
        "logging.getLogger",
        "ipaddress.IPv4Address",
        "ipaddress.IPv6Address",
        "ipaddress.IPv4Network",
        "ipaddress.IPv6Network",
        "itertools.count",
        "itertools.repeat",
        "itertools.cycle",
        "itertools.chain",
        "itertools.islice",
        "itertools.product",
        "itertools.permutations",
        "itertools.combinations",
        "itertools.zip_longest",
        "types.SimpleNamespace",
        "decimal.Decimal",
        "fractions.Fraction",
        "uuid.UUID",
        "random.Random",
        "array._array_reconstructor",
        "jax._src.core.ShapedArray",
        "numpy.random._pickle.__randomstate_ctor",
        "numpy.random._pickle.__generator_ctor",
        "numpy.random._pickle.__bit_generator_ctor",
        "numpy.ma.core._mareconstruct",
        "numpy.rec.recarray",
        "numpy.recarray",
        "numpy.record",
        "numpy.matrix",
        "numpy.matrixlib.defmatrix.matrix",
        "pandas._libs.internals._unpickle_block",
        "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",
        "pandas.core.indexes.base._new_Index",
        "pandas.core.indexes.datetimes._new_DatetimeIndex",
        "pandas.core.indexes.period._new_PeriodIndex",
        "pandas.core.indexes.timedeltas._new_TimedeltaIndex",
        "pandas._libs.tslibs.nattype._nat_unpickle",
        "pandas._libs.tslibs.nattype.__nat_unpickle",
        "pandas.core.indexes.interval._new_IntervalIndex",
        "pandas.core.internals.managers.BlockManager",
        "pandas.core.internals.managers.SingleBlockManager",
        "sklearn.utils._bunch.Bunch",
        "sklearn._loss.link.Interval",
        "torch._C._distributed_c10d._Placement",
        "pandas._libs.tslibs.timestamps._unpickle_timestamp",
        "pandas._libs.tslibs.timedeltas._timedelta_unpickle",
        "sklearn.metrics._dist_metrics.newObj",
        "sklearn.neighbors._kd_tree.newObj",
        "sklearn.neighbors._ball_tree.newObj",
        "re._compile",
        "operator.itemgetter",
        "zoneinfo.ZoneInfo",
        "dateutil.relativedelta.relativedelta",
    }
)
_QUIET_BUILTINS = _words(
    "abs all any ascii bin callable chr divmod enumerate format hex id isinstance issubclass iter len max min next oct ord pow"
    " print repr reversed round sorted sum zip"
)
"""Functions that people keep as a tokenizer, a key or a metric. To call one while a file is loaded is unusual."""
_ARITHMETIC = _words(
    "add sub mul truediv floordiv mod pow matmul neg pos abs and_ or_ xor not_ invert lt le eq ne ge gt is_ is_not truth contains"
)
_INERT_MODULES = {
    "datetime": _words("date datetime time timedelta timezone tzinfo"),
    "pathlib": _words("Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"),
    "pathlib._local": _words("Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"),
    "_collections": _words("OrderedDict defaultdict deque"),
}
"""What of a module only keeps what it is given: a module holds others, too, that it imports for itself."""

_HARMLESS_CALLS = frozenset(
    {
        "scipy.sparse._dok.dok_matrix",
        "scipy.sparse._dok.dok_array",
        "pandas.core.dtypes.dtypes.CategoricalDtype",
        "pandas.core.dtypes.dtypes.DatetimeTZDtype",
        "pandas.core.dtypes.dtypes.PeriodDtype",
        "pandas.core.dtypes.dtypes.IntervalDtype",
        "pandas.core.arrays.string_.StringDtype",
        "pandas.StringDtype",
        "pandas.CategoricalDtype",
        "pandas.DatetimeTZDtype",
        "pandas.PeriodDtype",
        "pandas.IntervalDtype",
        "pandas.Period",
        "pandas.Interval",
        "pandas._libs.tslibs.period.Period",
        "pandas._libs.interval.Interval",
        "pandas.NA",
        "pandas._libs.missing.NA",
        "pandas._libs.sparse.IntIndex",
        "pandas._libs.sparse.BlockIndex",
        "sklearn.tree._tree.Tree",
        "numpy.ma.MaskedArray",
        "numpy.ma.core.MaskedArray",
    }
)
"""Classes of known libraries that only keep the texts and bytes with which they are called."""
_SAFE_TO_TORCH = frozenset(
    {
        "torch.distributed.device_mesh.DeviceMesh",
        "torch.distributed._mesh_layout._FlatLayout",
        "torch.distributed._mesh_layout._MeshLayout",
        "torch.distributed.tensor.DTensor",
        "torch.distributed.tensor._dtensor_spec.DTensorSpec",
        "torch.distributed.tensor._dtensor_spec.ShardOrderEntry",
        "torch.distributed.tensor._dtensor_spec.TensorMeta",
        "torch.distributed.tensor.placement_types.Partial",
        "torch.distributed.tensor.placement_types.Replicate",
        "torch.distributed.tensor.placement_types.Shard",
        "torch.distributed.tensor.placement_types._StridedShard",
    }
)
"""What torch itself takes for safe when it loads weights alone: tensors that are spread over processes.

Source: torch/distributed/tensor/__init__.py and device_mesh.py, `add_safe_globals`.
"""
_HARMLESS_CLASSES = pattern(
    r"pandas\.(?:core\.indexes\.\w+\.)?\w*Index"
    r"|numpy\.random\._\w+\.(?:MT19937|PCG64|PCG64DXSM|Philox|SFC64)"
)
"""The same, of which there are many."""

_QUANTISED_TENSORS = pattern(r"torchao\.(?:quantization|dtypes|float8)(?:\.\w+)*\.[A-Z]\w*Tensor")
"""Tensors that torchao keeps quantised, which it adds to those that torch takes for safe."""

_OFFSETS = pattern(r"pandas\.(?:_libs\.tslibs\.offsets|offsets|tseries\.offsets)\.[A-Z]\w*")
"""Spans of calendar time: they keep numbers, names of variants and days."""

_ENUMERATIONS = pattern(
    r"(?:transformers\.(?:trainer_utils|training_args|debug_utils)|accelerate\.utils\.dataclasses)"
    r"\.[A-Z]\w*(?:Strategy|Type|Names|Mode|Option|Backend|Environment)"
    r"|sentence_transformers\.(?:base\.sampler|training_args)\.(?:MultiDataset)?BatchSamplers"
)
_NUMERIC_LIBRARIES = ("sklearn.", "scipy.", "numpy.", "pandas.", "torch.distributed.checkpoint.metadata.")
"""Whose classes do nothing but calculate when they are called with numbers alone."""

_KNOWN_LIBRARIES = (
    "sklearn.",
    "lightgbm.",
    "xgboost.",
    "catboost.",
    "_catboost",
    "joblib.numpy_pickle",
    "scipy.sparse.",
    "scipy.interpolate.",
    "scipy.stats.",
    "scipy.spatial.",
    "scipy.optimize.",
    "scipy.signal.",
    "scipy._lib.array_api_compat.",
    "pandas.",
    "numpy.",
    "transformers.",
    "accelerate.",
    "peft.",
    "trl.",
    "omegaconf.",
    "lightning.",
    "lightning_fabric.",
    "lightning_utilities.",
    "pytorch_lightning.",
    "torchmetrics.",
    "torchvision.",
    "torchaudio.",
    "timm.",
    "ultralytics.nn.",
    "ultralytics.utils.",
    "sentence_transformers.",
    "fairseq.",
    "torch.nn.",
    "torch.ao.nn.",
    "torch.optim.",
    "torch.distributed.checkpoint.",
    "torch.distributed._shard.",
    "torch.distributed.tensor.",
    "torch.distributed._tensor.",
    "torch.utils.data.",
    "torch.amp.",
    "torch.cuda.amp.",
    "imblearn.",
    "category_encoders.",
    "statsmodels.",
    "paddle.",
    "spacy.",
    "thinc.",
    "gensim.models.",
    "gensim.corpora.",
    "gensim.utils.",
    "hmmlearn.",
    "river.",
    "prophet.forecaster.",
    "sklearn_crfsuite.",
    # without vec_env, whose wrapper unpickles what it is given
    "stable_baselines3.common.buffers.",
    "stable_baselines3.common.noise.",
    "stable_baselines3.common.policies.",
    "stable_baselines3.common.torch_layers.",
    "stable_baselines3.common.utils.",
    "stable_baselines3.dqn.policies.",
    "stable_baselines3.sac.policies.",
    "stable_baselines3.td3.policies.",
    "stable_baselines3.her.her_replay_buffer.",
    "gymnasium.spaces.",
    "gym.spaces.",
)
"""Libraries whose classes (names in capitals) are known. Their functions are not: some of them evaluate text."""

_SCIPY_CLASS = pattern(r"(csr|csc|coo|bsr|dia|dok|lil)_(matrix|array)|rv_(\w+_)?frozen|\w+_gen|interp[12]d")
"""Classes of SciPy that are written in small letters."""

_NEVER_KNOWN = (
    "sklearn.utils._testing",
    "sklearn.utils.estimator_checks",
    "sklearn.datasets",
    "sklearn.externals",
    "pandas.core.computation",
    "pandas.io",
    "pandas.testing",
    "pandas._testing",
    "numpy.testing",
    "numpy.f2py",
    "numpy.distutils",
    "numpy.lib._datasource",
    "numpy.lib.npyio",
    "numpy.lib._npyio_impl",
    "numpy.ctypeslib",
    "scipy.io",
    "transformers.utils",
    "transformers.dynamic_module_utils",
    "transformers.agents",
    "transformers.tools",
    "lightning.app",
    "lightning.fabric.plugins.environments",
    "accelerate.launchers",
    "accelerate.commands",
    "xgboost.testing",
    "xgboost.spark",
    "xgboost.dask",
    "lightgbm.dask",
    "torch.utils.data.datapipes",
    "paddle.utils",
    "paddle.hub",
    "gensim.models.wrappers",  # they run programs
)

_DANGEROUS_MODULES = _words(
    "os posix nt subprocess sys runpy socket shutil pty importlib imp webbrowser requests httpx aiohttp urllib http ftplib "
    "smtplib telnetlib pip ensurepip pydoc timeit code codeop cProfile profile bdb pdb asyncio multiprocessing marshal "
    "ctypes _ctypes cffi dill cloudpickle pickle _posixsubprocess _winapi winreg nturl2path tempfile fileinput glob "
    "zipfile tarfile zipimport pkgutil inspect gc signal concurrent site distutils setuptools idlelib "
    "lib2to3 doctest trace test unittest venv zipapp ssl socketserver xmlrpc ptpython IPython jedi paramiko fabric io "
    "platform commands popen2 popen resource fcntl mmap sqlite3 dbm shelve linecache tokenize logging.config "
    "numpy.testing numpy.f2py numpy.distutils torch.hub torch.utils.cpp_extension torch.utils.model_zoo "
    "torch.utils.collect_env torch.utils.bottleneck torch._dynamo torch._inductor torch.distributed.run "
    "torch.distributed.launch torch.distributed.rpc torch.multiprocessing torch.jit.unsupported_tensor_ops torch.package "
    "torch.utils._config_module torch.utils.data.datapipes imaplib poplib nntplib httplib urllib2 urllib3 "
    "torch.serialization torch.fx joblib.parallel joblib.externals joblib.memory cgitb _pyrepl antigravity turtle tkinter "
    "sysconfig _aix_support _osx_support uuid._netbios_getter atexit faulthandler symtable dis "
    "nltk.data"
)
_DANGEROUS_NAMES = frozenset(
    {
        "_codecs.decode",
        "functools.reduce",
        "itertools.starmap",
        "types.CodeType",
        "types.FunctionType",
        "types.LambdaType",
        "types.MethodType",
        "types.ModuleType",
        "collections.namedtuple",
        "logging.FileHandler",
        "copyreg.pickle",
        "copyreg.add_extension",
        "copyreg.constructor",
        "pandas.eval",
        "pandas.read_pickle",
        "numpy.load",
        "numpy.save",
        "numpy.fromfile",
        "numpy.memmap",
        "numpy.loadtxt",
        "numpy.genfromtxt",
        "numpy.piecewise",
        "numpy.apply_along_axis",
        "numpy.fromfunction",
        "numpy.frompyfunc",
        "joblib.load",
        "torch.load",
        "torch.compile",
        "torch.jit.load",
        "codecs.open",
        "pathlib.os",
    }
)
_TELLING = _words(
    "os sys subprocess system popen Popen eval exec execfile compile getattr setattr delattr open input breakpoint "
    "__import__ import_module globals locals vars __globals__ __builtins__ __subclasses__ __class__ __bases__ __mro__ "
    "__dict__ __getattribute__ __reduce__ __init__ __call__ modules check_output check_call spawn fork execv execve run_code "
    "_run_code runcode run_module load_module exec_module urlopen urlretrieve rmtree remove unlink chmod write_text "
    "write_bytes read_text read_bytes shell call"
)


def judged(module: str, name: str, *, called: bool, torchscript: bool = False) -> Verdict:
    """What it means that a pickle imports `module.name`, and whether it would call it.

    Names with dots walk through attributes (`STACK_GLOBAL` of protocol 4), so they are never on the allow-list.
    """
    module = _PYTHON_2.get(module, module)
    full = f"{module}.{name}"
    if "." not in name and _is_allowed(module, name, full, torchscript=torchscript):
        return Verdict.ALLOWED
    if module == "builtins" and name in _QUIET_BUILTINS:
        return Verdict.UNKNOWN if called else Verdict.KNOWN
    if _is_dangerous(module, name, full):
        return Verdict.DANGEROUS
    if not called and (module == "math" or (module in {"operator", "_operator"} and name in _ARITHMETIC)):
        return Verdict.KNOWN
    if "." in name:
        return Verdict.UNKNOWN
    if (
        full in _INERT
        or full in _SAFE_TO_TORCH
        or _QUANTISED_TENSORS.fullmatch(full)
        or (module == "builtins" and name in _INERT_BUILTINS)
    ):
        return Verdict.KNOWN
    if name in _INERT_MODULES.get(module, ()):
        return Verdict.KNOWN
    if module == "builtins" and name.endswith(("Error", "Exception", "Warning", "Iteration")):
        return Verdict.KNOWN
    if _is_known(module, name, called=called):
        return Verdict.KNOWN
    if module.split(".", 1)[0] in sys.stdlib_module_names and called and not name[:1].isupper():
        return Verdict.DANGEROUS  # a function of the standard library that nobody has looked at
    return Verdict.UNKNOWN


_LATER_CALLS = frozenset({"functools.partial", "operator.attrgetter", "operator.methodcaller"})
"""They only prepare a call; a call of what they prepared is one of something computed."""


def judged_call(
    module: str, name: str, *, called: bool, filled: bool = True, torchscript: bool = False
) -> Verdict:
    """As `judged`, and what it means that a class of a known library is called, with more than numbers if `filled`.

    Constructors of known libraries download, open and overwrite files: only those that were looked at are known.
    """
    full = f"{_PYTHON_2.get(module, module)}.{name}"
    if full in _LATER_CALLS or (full == "numpy.memmap" and not called):
        return Verdict.UNKNOWN if called else Verdict.KNOWN
    verdict = judged(module, name, called=called, torchscript=torchscript)
    is_vouched_for = (
        not called
        or verdict is not Verdict.KNOWN
        or full in _INERT | _HARMLESS_CALLS | _SAFE_TO_TORCH
        or module in {"builtins", "__builtin__", "exceptions", *_INERT_MODULES}
        or _ENUMERATIONS.fullmatch(full) is not None
        or _OFFSETS.fullmatch(full) is not None
        or _QUANTISED_TENSORS.fullmatch(full) is not None
        or _HARMLESS_CLASSES.fullmatch(full) is not None
        or name.startswith("__pyx_unpickle_")
        or (not filled and full.startswith(_NUMERIC_LIBRARIES))
    )
    return verdict if is_vouched_for else Verdict.UNKNOWN


def judged_access(module: str, name: str, attribute: str, *, called: bool) -> Verdict:
    """What it means that a pickle takes an attribute of something that it imports or makes."""
    full = f"{_PYTHON_2.get(module, module)}.{name}"
    if attribute.startswith("__") or "." in attribute or attribute in _TELLING:
        return Verdict.DANGEROUS
    if full == "zoneinfo.ZoneInfo" and attribute == "_unpickle":
        return Verdict.KNOWN
    if full.removeprefix("builtins.") in _PLAIN_TYPES and not attribute.startswith("_"):
        return Verdict.KNOWN
    owner = judged(module, name, called=False)
    return Verdict.DANGEROUS if called or owner is Verdict.DANGEROUS else Verdict.UNKNOWN


_PLAIN_TYPES = _words("str unicode bytes bytearray list dict tuple set frozenset int float complex bool")


def library_of(module: str) -> str:
    """The distribution that people know a module by."""
    return _PYTHON_2.get(module, module).split(".", 1)[0]


def _is_allowed(module: str, name: str, full: str, *, torchscript: bool) -> bool:
    if full in _ALLOWED:
        return True
    if module == "torch":
        return name in _TORCH_DTYPES or (
            name.endswith("Storage") and name[:1].isupper() and name.isidentifier()
        )
    if module == "torch.cuda":
        return name.endswith("Storage") and name[:1].isupper() and name.isidentifier()
    if module == "torch._utils":
        return name in _REBUILDERS
    if module in {"numpy", "numpy.dtypes"}:
        return name in _NUMPY_TYPES or (module == "numpy.dtypes" and name.endswith("DType"))
    if torchscript:
        return module.split(".", 1)[0] == "__torch__" or (
            module == "torch.jit._pickle" and name.startswith(("build_", "restore_type_tag"))
        )
    return False


_NUMPY_TYPES = _words(
    "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool_ complex64 complex128 str_ bytes_ "
    "object_ void datetime64 timedelta64"
)


def _is_dangerous(module: str, name: str, full: str) -> bool:
    if module.startswith("<") or full in _DANGEROUS_NAMES:
        return True
    if module == "builtins":
        return name not in _INERT_BUILTINS and not name[:1].isupper()
    parts = name.split(".")
    if any(part in _TELLING for part in parts):
        return True
    if len(parts) > 1 and any(part in _DANGEROUS_MODULES or part.startswith("__") for part in parts):
        return True
    path = module
    while path:
        if path in _DANGEROUS_MODULES:
            return True
        path = path.rpartition(".")[0]
    if module == "torch.utils" or module.startswith("torch.utils."):
        return "run" in name.lower() or "exec" in name.lower()
    return False


def _is_known(module: str, name: str, *, called: bool) -> bool:
    dotted = module + "."
    if any(dotted.startswith(prefix + ".") for prefix in _NEVER_KNOWN):
        return False
    if not any(dotted.startswith(prefix) for prefix in _KNOWN_LIBRARIES):
        return False
    if name.lstrip("_")[:1].isupper():
        return True
    if module.startswith("scipy.") and _SCIPY_CLASS.fullmatch(name):
        return True
    # Cython's own rebuilders and plain references (a loss, an activation) run nothing when the file is loaded.
    return name.startswith("__pyx_unpickle_") or (not called and not name.startswith("__"))
