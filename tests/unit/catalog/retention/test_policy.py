"""Policies: every key is known or refused by name, with its line."""

import pytest

from catalog.errors import UserError
from catalog.retention.policy import Deed, Per, policy_of
from crawler.retention.policy_file import policy_of_text

WHOLE = """
name: old checkpoints
models: "path:runs"
per: all
keep:
  newest: 2
  best:
    - {number: 3, metric: F1, dataset: conll2003}
    - {metric: wer}
  stages: [production]
  aliases: false
protect:
  tags: [keep]
  queries: ["license:mit"]
  saved: [release candidates]
older_than: 26w
age_by: last_seen
action: delete
"""
LEAST = "name: x\nmodels: has:name\n"


def test_a_whole_policy_is_read_and_kept_as_it_is():
    policy = policy_of_text(WHOLE.encode())
    assert (policy.per, policy.action, policy.newest, policy.older_than) == (
        Per.ALL,
        Deed.DELETE,
        2,
        26 * 7 * 86_400,
    )
    assert [(best.number, best.metric, best.dataset, best.direction) for best in policy.best] == [
        (3, "f1", "conll2003", "up"),
        (1, "wer", None, "down"),
    ]
    assert policy_of(policy.as_json()) == policy


def test_what_is_not_said_keeps_more_rather_than_less():
    policy = policy_of_text(LEAST.encode())
    assert (policy.action, policy.stages, policy.aliases) == (Deed.TRASH, ("*",), True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("keeps:\n  newest: 1\n", "line 3: keeps: unknown key, did you mean 'keep'?"),
        ("keep:\n  newst: 1\n", "line 4: keep.newst: unknown key, did you mean 'newest'?"),
        ("keep:\n  best:\n    - metric: f1\n    - {metric: f1, datset: x}\n", "line 6: keep.best.[1].datset"),
        ("keep: {newest: -1}\n", "line 3: keep.newest: a number from 0"),
        ("keep: {newest: many}\n", "line 3: keep.newest: a number from 0"),
        ("keep: {best: {metric: zorp}}\n", "nobody knows whether more zorp is better"),
        ("older_than: 3 months\n", "line 3: older_than: an age such as 180d"),
        ("age_by: parameters\n", "line 3: age_by: a date of models"),
        ("action: burn\n", "line 3: action: one of report, trash, delete"),
        ("protect: {tags: [[x]]}\n", "line 3: protect.tags: a list of"),
        ("name: y\n", "line 3: name: it stands there twice, the first time in line 1"),
        ("keep: 3\n", "line 3: keep: it is not keys with values"),
        ("keep: false\n", "line 3: keep: it is not keys with values"),
        ('keep: ""\n', "line 3: keep: it is not keys with values"),
        ("protect: 0\n", "line 3: protect: it is not keys with values"),
        ('keep: {best: ""}\n', "line 3: keep.best: it is not keys with values"),
        ("keep: {best: false}\n", "line 3: keep.best: it is not keys with values"),
        (f"keep: {{best: [{'{metric: f1}, ' * 101}]}}\n", "line 3: keep.best: a list of at most 100 rules"),
        (f"protect: {{queries: [{'a, ' * 101}]}}\n", "line 3: protect.queries: a list of at most 100 texts"),
    ],
)
def test_every_fault_is_told_with_its_line(text, told):
    with pytest.raises(UserError) as refused:
        policy_of_text((LEAST + text).encode())
    assert told in str(refused.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(UserError) as refused:
        policy_of_text(b"model: x\nkeep: {oldest: 1}\naction: burn\n")
    for told in ("model: unknown key", "keep.oldest", "action: one of", "name: a text", "models: a text"):
        assert told in str(refused.value)


@pytest.mark.parametrize(
    "text", [b"", b"[1, 2]", b"a: &a [*a]", b"\xff\xfe\x00", b"x" * 300_000], ids=range(5)
)
def test_what_is_no_policy_is_refused_in_a_sentence(text):
    with pytest.raises(UserError):
        policy_of_text(text)
