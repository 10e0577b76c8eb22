"""The states of a model that is no longer where it was."""

ABSENT = ("missing", "gone", "trashed", "deleted")
