"""What is a secret and what only looks like one."""

import json
from base64 import b64encode
from itertools import pairwise
from time import process_time
from urllib.parse import quote

import pytest

from catalog.normalise.values.secrets import MASK, masked, masked_text, without_secrets

LETTERS = "AbCdEf0123456789GhIjKlMnOpQrStUvWxYz"  # put together, so that no scanner takes a line for a leak
DIGITS = "0123456789abcdef" * 4

SECRETS = {
    "hub": f"load it with hf_{LETTERS}",
    "openai": f"sk-proj-{LETTERS}",
    "gitlab": "glpat-" + LETTERS[:20],
    "slack hook": "https://hooks.slack.com/services/" + "T0000000/B0000000/" + LETTERS[:24],
    "signed s3": "https://b.example/m.bin?X-Amz-Expires=60&X-Amz-Signature=" + "0123456789abcdef" * 4,
    "signed azure": "https://a.example/m.bin?sv=2024-01-01&sr=b&sig=" + LETTERS,
    "token of an address": f"https://h.example/x?token={LETTERS}&rev=main",
    "password of an address": "https://me:" + LETTERS + "@packages.example/simple",
    "password with an at": "--index-url https://me:a@" + LETTERS + "@packages.example/simple",
    "token as the user": f"https://{LETTERS}@git.example/a/b.git",
    "token as the user with a word": f"https://{LETTERS}:x-oauth-basic@git.example/a/b.git",
    "environment": f"WANDB_API_KEY={LETTERS}",
    "environment of a shell": f"export HF_TOKEN={LETTERS}",
    "flag": f"modeltool login --token {LETTERS}",
    "netrc": f"machine api.example login user password {LETTERS}",
    "prose": f"the password: {LETTERS}",
    "JSON in a text": '{"api_key": "' + LETTERS + '"}',
    "header": f"Authorization: Bearer {LETTERS}",
    "basic header": f"Authorization: Basic {LETTERS}",
    "aws": f"aws_secret_access_key = {LETTERS}",
    "key": f"-----BEGIN RSA PRIVATE KEY-----\n{LETTERS}\n-----END RSA PRIVATE KEY-----",
    "pgp key": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n{LETTERS}\n-----END PGP PRIVATE KEY BLOCK-----",
    "jwt": f"eyJ{LETTERS}.eyJ{LETTERS}.{LETTERS}",
    "service account of openai": f"sk-svcacct-{LETTERS}T3BlbkFJ{LETTERS}",
    "anthropic": f"sk-ant-api03-{LETTERS}-{LETTERS}AA",
    "openai under azure": "AZURE_OPENAI_API_KEY=" + DIGITS[:32],
    "client secret of azure": "abc8Q~" + LETTERS[:34],
    "connection of azure": f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={LETTERS}{LETTERS}==;EndpointSuffix=x",
    "google": "AIza" + (LETTERS * 2)[:35],
    "service account of google": f'"private_key": "-----BEGIN PRIVATE KEY-----\\nMII{LETTERS}\\n-----END PRIVATE KEY-----\\n"',
    "slack app": "xapp-1-A0123456789-1234567890123-" + DIGITS,
    "databricks": "dapi" + DIGITS[:32],
    "wandb": f"wandb_v1_{LETTERS}{LETTERS}",
    "wandb in code": 'wandb.login(key="' + DIGITS[:40] + '")',
    "comet": "COMET_API_KEY: " + LETTERS[:25],
    "neptune": "NEPTUNE_API_TOKEN=" + LETTERS * 2,
    "mlflow": "MLFLOW_TRACKING_PASSWORD=" + LETTERS[:16],
    "pinecone": f"pcsk_{LETTERS}{LETTERS}",
    "langchain": "ls__" + DIGITS[:32],
    "voyage": "pa-" + LETTERS,
    "elevenlabs": "sk_" + DIGITS[:48],
    "modal": "ak-" + LETTERS[:22],
    "alibaba": "LTAI5t" + LETTERS[:18],
    "tencent": "AKID" + LETTERS[:32],
    "signed by tencent": f"https://b.cos.ap.myqcloud.com/m?q-sign-algorithm=sha1&q-ak=AKID{LETTERS[:32]}&q-signature={DIGITS[:40]}",
    "signed by oss": f"https://b.oss-cn.aliyuncs.com/m?OSSAccessKeyId=LTAI{LETTERS[:16]}&Signature={LETTERS[:28]}",
    "signed by cloudfront": f"https://cdn.example/m?Policy={LETTERS * 3}&Key-Pair-Id=K123456789",
    "docker's config": '"auth": "' + LETTERS[:24] + '=="',
    "twilio": "SK" + DIGITS[:32],
    "doppler": f"dp.pt.{LETTERS}{LETTERS[:7]}",
    "figma": "figd_" + LETTERS,
    "airtable": f"pat{LETTERS[:14]}.{DIGITS}",
    "environment of a pod": f"env:\n  - name: HF_TOKEN\n    value: {LETTERS[:24]}\n",
    "token of an installation": f"https://x-access-token:ghs_{LETTERS}@github.com/a/b",
    "mongo": f"mongodb+srv://u:{LETTERS[:12]}@c.example/db",
    "behind an escaped line's end": '{"note": "first\\nhf_' + LETTERS + '"}',
    "behind an escaped sign": f"\\u0022hf_{LETTERS}\\u0022",
    "behind an encoded sign": f"%22sk-proj-{LETTERS}%22",
    "behind an underscore": f"my_hf_{LETTERS}",
    "JSON in JSON in JSON": json.dumps(json.dumps(json.dumps({"password": LETTERS}))),
    "HTML": f"password=&quot;{LETTERS}&quot;",
    "address in an address": "https://h.example/in?back="
    + quote(f"https://me:{LETTERS}@h.example/", safe=""),
    "parameter of an address in an address": "https://h.example/in?back="
    + quote(f"https://h.example/?token={LETTERS}", safe=""),
    "npm's settings": f"//registry.example/:_auth={LETTERS}==",
    "cookie": f"Cookie: session={LETTERS}; theme=dark",
    "kaggle's settings": '{"username":"me","key":"' + DIGITS[:32] + '"}',
    "key of a service": f"OPENAI_KEY={LETTERS}",
    "key of a subscription": f"Ocp-Apim-Subscription-Key: {DIGITS[:32]}",
    "teams": f"https://acme.webhook.office.com/webhookb2/{LETTERS}@{LETTERS}/IncomingWebhook/{DIGITS[:32]}",
}

NO_SECRETS = {
    "sha256": "sha256:" + "0a" * 32,
    "git revision": "commit 123e4567e89b12d3a456426614174000deadbeef",
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
    "name with dashes": "sk-learn-random-forest-classifier-v2",
    "name of a library": "hf_transformers",
    "special tokens": "pad_token: <pad> eos_token=</s> unk_token='[UNK]'",
    "counts of tokens": "max_tokens: 4096, tokens=1234567890, tokens per second: 12345.6",
    "task": "token: classification, token-classification",
    "tokenizer": "--tokenizer bert-base-uncased2 tokenizer=bert-base-uncased2",
    "code that names one": "api_key=os.environ['API_KEY'], token=get_token(), api_key=config.api_key",
    "placeholder": "HF_TOKEN=${HF_TOKEN} password: <your password> token=your_token_1",
    "image": "docker://python:3.11@sha256:" + "0a" * 32,
    "address": "https://example.com/a@b/c?rev=main&size=12345678 s3://bucket/key git@github.com:a/b.git",
    "port": "http://localhost:8080/@scope/package",
    "words": "Basic internationalization, the bearer internationalizationofmodels, secret-santa: yes",
    "keys of a dictionary": "keys: attention_mask_1, primary_key=model_id_12, monkey=banana123",
    "tensor": "model.layers.0.self_attn.k_proj.weight",
    "etag": 'etag "' + DIGITS[:32] + '"',
    "hash of 64": "digest=sha256-" + DIGITS,
    "address of a revision": "https://huggingface.co/a/b/resolve/" + DIGITS[:40] + "/m.bin",
    "requirement of a revision": "git+https://github.com/a/b@" + DIGITS[:40],
    "run": "run_id: " + DIGITS[:32],
    "run of wandb": "wandb: run-20240101_120000-1a2b3c4d",
    "settings of a tokenizer": "mask_token_index 103 token_type_ids bos_token: '<s>' added_tokens: {\"<mask>\": 50264}",
    "counts of an answer": "prompt_tokens: 12, completion_tokens: 34, num_tokens=123456789",
    "keys of attention": "key_padding_mask key_size: 64, n_keys: 12, key_dim=64",
    "parts of a path": "s3://bucket/key=1/token=abc/",
    "policy of an address": "https://example.com/x?policy=always_retry",
    "short words with dashes": "pa-1 ak-47 as-is as-soon-as-possible-and-no-later-than-2024",
    "part numbers": "SK1234 SKU SK-HYNIX pattern.0123456789 patience.10",
    "base64 of nothing": "AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "word with underscores": "ls__init__ sk_learn_pipeline sk_test",
    "name and value that are none": "- name: MAX_TOKENS\n  value: 1024000\n",
    "auth that is a word": '"auth": "oauth2"',
    "login by name": 'login(user="somebody-with-a-long-name")',
    "conda": "numpy-1.26.4-py311h64a7726_0",
    "dropout of tokens": "token_dropout: 0.1, tokens_per_second: 1234.5",
    "names with words of secrets": "license_key: mit, auth: oauth2_client_credentials, image_key=observation_images_1",
    "object's key": "s3_key: models/bert-base2/checkpoint-100/model.safetensors",
    "cookie that is food": "cookie: 12 recipes, Cookie Monster=blue",
    "encoded address": "https://h.example/?next=https%3A%2F%2Fh.example%2Fmodels%2Fa%3Frev%3Dmain",
    "base64 of JSON": b64encode(b'{"architecture": "bert", "hidden_size": 768, "layers": 12}').decode(),
    "escaped text": "first\\nthen\\tsk_learn_pipeline and \\u0022hf_transformers\\u0022",
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_is_masked_and_said(text):
    clean, found = without_secrets(text)
    assert found
    assert MASK in clean
    assert not any(LETTERS[at : at + 12] in clean for at in range(len(LETTERS) - 12))
    assert "0123456789abcdef" not in clean


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS.keys())
def test_what_is_masked_is_masked_once(text):
    clean = masked_text(text)
    assert without_secrets(clean) == (clean, False)


@pytest.mark.parametrize("text", NO_SECRETS.values(), ids=NO_SECRETS.keys())
def test_what_only_looks_like_one_stays(text):
    assert without_secrets(text) == (text, False)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("hub_token", "hunter2hunter2", MASK),
        ("openai_api_key", "abc", MASK),
        ("credentials.user", "anna", MASK),
        ("api_key", "${API_KEY}", "${API_KEY}"),
        ("password", "<from the vault>", "<from the vault>"),
        ("password", "pa(ss", MASK),
        ("password", "$ecret", MASK),
        ("pad_token", "<pad>", "<pad>"),
        ("eos_token_id", 50256, 50256),
        ("token", 31415926, MASK),
        ("max_tokens", 4_096, 4_096),
        ("per_token.accuracy", 0.93, 0.93),
        ("fs.s3a.access.key", "abc", MASK),
        ("fs.azure.account.key.store.blob.core.windows.net", "abc", MASK),
        ("XApiKey", "abc", MASK),
        ("HFToken", "abc", MASK),
        ("secretToken", "abc", MASK),
        ("api_secret_prod", "abc", MASK),
        ("password_confirmation", "abc", MASK),
        ("set-cookie", "sid=abc", MASK),
        ("http_auth", "me:abc", MASK),
        ("ansible_ssh_pass", "abc", MASK),
        ("ldap_bind_pw", "abc", MASK),
        ("пароль", "abc", MASK),
        ("密码", "abc", MASK),
        ("wandb_key", DIGITS[:40], MASK),
        ("auth", LETTERS, MASK),
        ("auth", "oauth2", "oauth2"),
        ("auth", "oauth2_client_credentials", "oauth2_client_credentials"),
        ("license_key", "cc-by-nc-sa-4.0", "cc-by-nc-sa-4.0"),
        ("cache_key", DIGITS, DIGITS),
        ("signature", DIGITS, DIGITS),
    ],
)
def test_the_name_of_a_value_may_make_it_a_secret(name, value, kept):
    assert masked(name, value) == (kept, kept == MASK)


@pytest.mark.parametrize(
    "words",
    [
        ["train.py", "--hf-token", LETTERS, "--lr", "1"],
        ["train.py", "--api-key", LETTERS],
        ["train.py", "--db-password", "short"],
        ["run", "-e", f"HF_TOKEN={LETTERS}"],
        ["curl", "-u", f"me:{LETTERS}", "https://h.example"],
        ["wandb", "login", LETTERS],
        ["mysql", f"-p{LETTERS}"],
        ["HF_TOKEN", LETTERS],
    ],
)
def test_the_words_of_a_command_are_read_together(words):
    clean, found = masked("args", words)
    assert found
    assert LETTERS not in str(clean)
    assert "short" not in clean
    assert len(clean) == len(words)
    assert clean[0] == words[0]


@pytest.mark.parametrize(
    "words",
    [
        ["--tokenizer", "bert-base2-uncased", "--token", "classification"],
        ["--password", "${PASSWORD}", "--api-key", "none", "--hub-token", "<token>"],
        ["PASSWORD", "USERNAME"],
        ["token", "wav2vec2-base"],
        ["secret", "sensitive"],
        ["-1", "token", "2"],
    ],
)
def test_words_that_only_stand_beside_one_stay(words):
    assert masked("labels", words) == (words, False)


@pytest.mark.parametrize(
    "pair",
    [
        {"Name": "HF_TOKEN", "Value": "abcd1234"},
        {"name": "HF_TOKEN", "default": "abcd1234"},
        {"k": "password", "v": "abcd1234"},
        {"kind": "Secret", "data": {"any": "abcd1234"}},
        {"apiVersion": "v1", "kind": "Secret", "stringData": {"any": "abcd1234"}},
    ],
)
def test_pairs_of_other_spellings_and_manifests_of_secrets_hide_their_values(pair):
    clean, found = masked("env", pair)
    assert found
    assert "abcd1234" not in str(clean)


@pytest.mark.parametrize(
    "plain",
    [
        f"hf_{LETTERS}",
        f"ghp_{LETTERS}",
        '{"auths": {"h.example": {"password": "' + LETTERS + '"}}}',
        f"-----BEGIN RSA PRIVATE KEY-----\n{LETTERS}\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_base64_of_a_secret_is_one(plain):
    text = b64encode(plain.encode()).decode()
    assert without_secrets(f"data: {text} rest") == (f"data: {MASK} rest", True)


def test_lists_of_names_and_values_are_read_as_mappings():
    tags = [{"key": "HF_TOKEN", "value": "abcd1234"}, {"key": "team", "value": "abcd1234"}]
    assert masked("tags", tags) == (
        [{"key": "HF_TOKEN", "value": MASK}, {"key": "team", "value": "abcd1234"}],
        True,
    )


@pytest.mark.parametrize(
    "part",
    [
        "token ",
        "token=",
        "https://a:",
        "password: x ",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "?sig=",
        "sk-1",
        "\\n",
        "\\\\\\",
        "%3A%2F%2F",
        "a%3D",
        "aGZf",
        "eyJ.",
        "cookie=",
        "&quot;token&quot;",
        '"username":"',
        "webhook.office.com",
        "auth",
        "a-",
        "sk-",
        "sk-1-",
        "pa-",
        "Bearer /",
    ],
)
def test_a_long_hostile_text_takes_linear_time(part):
    """Sixteen times the text: a square would take 256 times as long."""
    short, long = (best_of_three(part * number) for number in (1_000, 16_000))
    assert long < max(0.5, 16 * 6 * short)


def best_of_three(text):
    started = [process_time()]
    for _ in range(3):
        masked_text(text)
        started.append(process_time())
    return min(after - before for before, after in pairwise(started))


NAMES = [
    "password",
    "DB_PASSWORD",
    "smtp_pass",
    "client_secret",
    "clientSecret",
    "api_key",
    "x-api-key",
    "hf_token",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "wandb_api_key",
    "AWS_SECRET_ACCESS_KEY",
    "s3.secret_key",
    "MINIO_ROOT_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "gh_token",
    "private_key",
    "passphrase",
    "PGPASSWORD",
    "azure_storage_key",
    "account_key",
    "sas_token",
    "webhook_url",
    "jwt_secret",
    "token",
    "credentials",
    "kaggle_key",
    "ngrok_authtoken",
    "secretkey",
]
SPELLINGS = {
    "yaml": "{name}: {value}", "yaml in quotes": "{name}: '{value}'", "json": '"{name}": "{value}"', "json in a text": '{{\\"{name}\\": \\"{value}\\"}}',
    "toml": '{name} = "{value}"', "ini": "{name}={value}", "ini with a colon": "{name}:{value}", "python": "{name} = '{value}'",
    "keyword": 'login({name}="{value}")', "dictionary": "{{'{name}': '{value}'}}", "environment": 'os.environ["{name}"] = "{value}"',
    "default": 'os.environ.setdefault("{name}", "{value}")', "shell": "export {name}={value}", "C shell": "setenv {name} {value}",
    "Dockerfile": "ENV {name} {value}", "flag": "--{name} {value}", "flag with a sign": "--{name}={value}", "xml": "<{name}>{value}</{name}>",
    "header": 'curl -H "{name}: {value}"', "address": "https://h.example/x?a=1&{name}={value}", "windows": '$env:{name} = "{value}"',
}  # fmt: skip
VALUES = {
    "hub": "hf_" + LETTERS, "aws": "AKIA" + LETTERS[:16].upper(), "openai": "sk-" + LETTERS, "openai project": "sk-proj-" + LETTERS,
    "github": "ghp_" + LETTERS, "langsmith": "lsv2_pt_" + "0123456789abcdef" * 2 + "_0123456789", "nvidia": "nvapi-" + LETTERS * 2,
    "xai": "xai-" + LETTERS, "perplexity": "pplx-" + LETTERS, "vault": "hvs." + LETTERS, "linear": "lin_api_" + LETTERS,
    "telegram": "123456789:AAF" + LETTERS, "mailgun": "key-" + "0123456789abcdef" * 2, "age": "AGE-SECRET-KEY-1" + LETTERS.upper() * 2,
}  # fmt: skip
CONNECTIONS = {
    "postgres": "postgresql://me:{}@db:5432/x", "redis": "redis://:{}@h:6379/0", "odbc": "Server=tcp:a;Uid=me;Pwd={};Encrypt=yes",
    "ado": "Server=a;User Id=me;Password={};", "jdbc": "jdbc:mysql://h/db?user=me&password={}", "sas": "https://a.example/c?sv=2&sig={}",
    "bearer": "Authorization: Bearer {}", "bearer in json": '{{"Authorization": "Bearer {}"}}', "token": "Authorization: token {}",
    "curl": "curl -u me:{} https://h.example", "sshpass": "sshpass -p {} ssh h", "docker": "docker login -u me -p {} r.example",
    "wandb": "wandb login {}", "mysql": "mysql -u root -p{} db",
}  # fmt: skip


def test_every_name_of_a_secret_is_known_in_every_spelling_that_configurations_have():
    told = [
        (name, spelling)
        for name in NAMES
        for spelling, form in SPELLINGS.items()
        if LETTERS[:20] in masked_text(form.format(name=name, value=LETTERS[:20]))
    ]
    assert told == []


def test_a_secret_with_a_shape_of_its_own_is_known_without_a_name_and_wherever_it_stands():
    forms = ("{}", "see {} for it", '{{"a": ["{}"]}}', "x={},y=2", "https://h.example/{}", "- {}\n- b")
    told = [
        (kind, form)
        for kind, value in VALUES.items()
        for form in forms
        if value[-12:] in masked_text(form.format(value))
    ]
    assert told == []


@pytest.mark.parametrize("form", CONNECTIONS.values(), ids=CONNECTIONS.keys())
def test_what_connects_to_a_service_does_not_tell_how(form):
    assert LETTERS[:12] not in masked_text(form.format(LETTERS))


@pytest.mark.parametrize(
    "name", ["pass@1", "pass_at_10", "bypass", "pad_token", "image_token", "fw_lstm_layer_0_kernel"]
)
def test_a_metric_and_a_layer_are_no_secrets(name):
    assert masked(name, "0.5312345678") == ("0.5312345678", False)
    assert without_secrets(f"{name}: fw_lstm_layer_0_kernel_weights_1") == (
        f"{name}: fw_lstm_layer_0_kernel_weights_1",
        False,
    )


@pytest.mark.parametrize(
    "text",
    [
        "wandb login $WANDB_API_KEY",
        "wandb login ${WANDB_API_KEY}",
        "wandb login YOUR_API_KEY",
        "docker login -u me -p $TOKEN",
        "curl -u me:$PASSWORD https://models.example",
        "mysql -u root -p$MYSQL_PASSWORD",
        "docker login\ndocker run -p 8000:8000 server",
        "docker login models.example; docker run -p 8000:8000 server",
    ],
)
def test_what_stands_for_a_secret_in_a_command_is_none(text):
    """A card that told how to sign in was one of a model with a secret."""
    assert without_secrets(text) == (text, False)
    assert masked("args", text.split()) == (text.split(), False) or "\n" in text


@pytest.mark.parametrize(
    "value",
    [
        {"bot_token": 128001, "id_token": 151643, "write_token": 50257},
        {"vocab": {"password": 23_456, "TOKEN": 31_337}},
    ],
    ids=["special tokens", "vocabulary"],
)
def test_places_of_words_in_a_vocabulary_are_no_secrets(value):
    assert masked("config", value) == (value, False)


@pytest.mark.parametrize("value", [{"password": 12_345_678}, {"access_token": 987_654_321_012}])
def test_numbers_under_names_of_secrets_are_secrets(value):
    assert masked("config", value) == (dict.fromkeys(value, MASK), True)
