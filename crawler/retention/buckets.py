"""Retention in a bucket: copies made by the storage, and deletions of exactly one version or one ETag."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from catalog.errors import ObjectChanged, ObjectUnreadable, SourceError
from catalog.records import ObjectKey
from crawler.buckets.faults import FAULTS, Kind, fault_of, object_error
from crawler.buckets.objects import OpenBucket, bare_etag
from crawler.retention.door import Evidence

MOST_COPIED_AT_ONCE = 5 * 1024**3
"""Bytes that a storage copies in one request. Source: docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""
NO_VERSION = "null"
UNKNOWN_HEADER = frozenset({"NotImplemented", "InvalidArgument", "501"})


class BucketDoor:
    """Objects are told by ETag and size, and where the bucket keeps versions by their version."""

    bins_first = False

    def __init__(self, bucket: OpenBucket) -> None:
        self._bucket = bucket
        self._status: str | None = None

    def check(self, key: ObjectKey, evidence: Evidence) -> None:
        here = self._head(key)
        if here is None or not _same(here, evidence):
            raise ObjectChanged(key)
        self._spare_older(key, evidence)

    def glance(self, key: str) -> tuple[int, datetime] | None:
        answer = self._head(ObjectKey(key))
        return None if answer is None else (int(answer["ContentLength"]), answer["LastModified"])

    def entry(self, key: ObjectKey) -> None:
        """A key of a bucket is the only one of its object."""

    def look(self, key: ObjectKey, change_token: str) -> Evidence:
        answer = self._head(key)
        if answer is None or self._bucket.token(key, answer) != change_token:
            raise ObjectChanged(key)
        evidence = _evidence(answer)
        self._spare_older(key, evidence)
        return evidence

    def trash(self, key: ObjectKey, place: ObjectKey, evidence: Evidence) -> Evidence:
        here = self._head(key)
        if here is None:
            binned = self._head(place)  # an interrupted step may have done it
            if binned is None or not _is_copy(binned, evidence):
                raise ObjectChanged(key)
            self._delete_version(key, evidence)
            return _evidence(binned, of=evidence)
        if not _same(here, evidence):
            raise ObjectChanged(
                key
            )  # also where its copy is in the trash: what is here was written since, and stays
        self._copy(key, place, evidence)
        binned = self._head(place)
        if binned is None or not _is_copy(binned, evidence):
            raise ObjectUnreadable(key, "its copy in the trash is not what was copied")
        self._delete(key, evidence)
        return _evidence(binned, of=evidence)

    def delete(self, key: ObjectKey, place: ObjectKey, evidence: Evidence) -> Evidence:
        del place  # nothing is left anywhere
        here = self._head(key)
        if here is None:
            self._delete_version(key, evidence)
            return {}
        if not _same(here, evidence):
            raise ObjectChanged(key)
        self._delete(key, evidence)
        return {}

    def bring_back(self, key: ObjectKey, place: ObjectKey, evidence: Evidence) -> None:
        binned, here = self._head(place), self._head(key)
        is_in_place = here is not None and _is_back(here, binned, evidence)
        if binned is None or not _is_binned(binned, evidence):
            if is_in_place:
                return
            raise ObjectChanged(place)
        if here is not None and not is_in_place:
            raise ObjectUnreadable(key, "something else is in its place")
        known = _evidence(binned)
        if here is None:
            self._spare_older(key)
            self._copy(place, key, known, only_if_free=True)
            here = self._head(key)
            if here is None or not _is_copy(here, known):
                raise ObjectUnreadable(key, "what was brought back is not what was in the trash")
        self._delete(place, known)

    def _head(self, key: ObjectKey) -> Any | None:
        try:
            return self._bucket.client.head_object(**self._bucket.place(key), **self._bucket.encryption)
        except FAULTS as error:
            if fault_of(error).kind is Kind.ABSENT:
                return None
            raise object_error(key, error) from error

    def _copy(
        self, key: ObjectKey, place: ObjectKey, evidence: Evidence, *, only_if_free: bool = False
    ) -> None:
        source = self._bucket.place(key)
        if evidence["version"]:
            source["VersionId"] = evidence["version"]
        same = {"CopySourceIfMatch": f'"{evidence["etag"]}"', **self._bucket.encryption, **self._of_source()}
        try:
            if evidence["size_bytes"] > MOST_COPIED_AT_ONCE:
                target = self._bucket.place(place)
                self._bucket.client.copy(source, target["Bucket"], target["Key"], ExtraArgs=same)
            else:
                free = {"IfNoneMatch": "*"} if only_if_free else {}
                target = {**self._bucket.place(place), "CopySource": source, **same}
                self._heeding(self._bucket.client.copy_object, target, free)
        except FAULTS as error:
            raise _failed(key, error) from error

    def _heeding(self, ask: Any, what: Mapping[str, Any], condition: Mapping[str, Any]) -> None:
        """Asked with the condition, and by a storage that does not know such a one without it: it was looked at before."""
        try:
            ask(**what, **condition)
        except FAULTS as error:
            code = str(getattr(error, "response", {}).get("Error", {}).get("Code"))
            if not condition or code not in UNKNOWN_HEADER:
                raise
            ask(**what)

    def _of_source(self) -> dict[str, Any]:
        return {f"CopySource{name}": value for name, value in self._bucket.encryption.items()}

    def _delete(self, key: ObjectKey, evidence: Evidence) -> None:
        """Exactly this object. Where older versions lie behind it, a marker stands over them: they must not come back."""
        place = self._bucket.place(key)
        condition = {"IfMatch": f'"{evidence["etag"]}"'}
        version = self._version(evidence)
        try:
            if version is None or self._has_older(place):
                self._heeding(self._bucket.client.delete_object, place, condition)
        except FAULTS as error:
            here = self._head(key)
            if here is not None:
                raise (_failed(key, error) if _same(here, evidence) else ObjectChanged(key)) from error
            # The answer was lost, not the request.
        self._delete_version(key, evidence)

    def _delete_version(self, key: ObjectKey, evidence: Evidence) -> None:
        """The bytes of a version that is the current one no more, or the only one; nothing where it is gone already."""
        try:
            version = self._version(evidence)
            if version is not None:
                self._bucket.client.delete_object(**self._bucket.place(key), VersionId=version)
        except FAULTS as error:
            raise _failed(key, error) from error

    def _version(self, evidence: Evidence) -> str | None:
        """What to call this object by when it is deleted. What was written before a bucket kept versions has one, too,
        that nothing written later takes the place of; where they are kept no more, a plain deletion takes it away.
        """
        if evidence["version"]:
            return str(evidence["version"])
        return NO_VERSION if self._versioning() == "Enabled" else None

    def _versioning(self) -> str:
        """Whether the bucket keeps versions: `Enabled`, `Suspended`, or empty where it never did or does not say."""
        if self._status is None:
            try:
                answer = self._bucket.client.get_bucket_versioning(Bucket=self._bucket.name)
            except FAULTS:  # few may ask this: an object without a version is told by its ETag
                answer = {}
            self._status = str(answer.get("Status") or "")
        return self._status

    def _spare_older(self, key: ObjectKey, evidence: Evidence | None = None) -> None:
        """Where versions are suspended, a deletion and a copy take the place of the one version that has no name. Raises
        ObjectUnreadable if that is an older one than the object, or what stands under a key where no object is.
        """
        if evidence is not None and not evidence["version"]:
            return  # the object is that version
        try:
            if self._versioning() == "Suspended" and self._has_older_without_name(self._bucket.place(key)):
                raise ObjectUnreadable(key, "versions are suspended, and an older one would be lost")
        except FAULTS as error:
            raise _failed(key, error) from error

    def _has_older_without_name(self, place: Mapping[str, Any]) -> bool:
        pages = self._bucket.client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=place["Bucket"], Prefix=place["Key"]):
            versions = page.get("Versions", ())
            own = [version for version in versions if version["Key"] == place["Key"]]
            if any(version["VersionId"] == NO_VERSION and not version["IsLatest"] for version in own):
                return True
            if len(own) < len(versions):  # those of the key itself come first
                return False
        return False

    def _has_older(self, place: Mapping[str, Any]) -> bool:
        listed = self._bucket.client.list_object_versions(
            Bucket=place["Bucket"], Prefix=place["Key"], MaxKeys=10
        )
        versions = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
        return len([version for version in versions if version["Key"] == place["Key"]]) > 1


def _evidence(answer: Any, *, of: Evidence | None = None) -> dict[str, Any]:
    """What tells this object; of a copy also the ETag `of` which it was made."""
    version = answer.get("VersionId")
    return {
        "etag": _etag(answer),
        "size_bytes": int(answer["ContentLength"]),
        "version": None if version in {None, NO_VERSION} else version,
        **({} if of is None else {"of": of["etag"]}),
    }


def _same(answer: Any, evidence: Evidence) -> bool:
    present = _evidence(answer)
    return all(present[part] == evidence.get(part) for part in ("etag", "size_bytes", "version"))


def _is_binned(binned: Any, evidence: Evidence) -> bool:
    """Whether this is the copy in the trash. One that nobody came to note is told by its place, where nobody else
    writes, and by its size.
    """
    return _same(binned, evidence) or ("of" not in evidence and _is_copy(binned, evidence))


def _is_back(here: Any, binned: Any | None, evidence: Evidence) -> bool:
    """Whether what is in the place of an object is that object, or was copied there from the trash."""
    etags = {evidence["etag"], evidence.get("of"), None if binned is None else _etag(binned)}
    return _is_copy(here, evidence) and _etag(here) in etags


def _etag(answer: Any) -> str:
    return bare_etag(answer.get("ETag", ""))


def _is_copy(answer: Any, evidence: Evidence) -> bool:
    """A copy has the same size; of an object of one part without keys of its own the same ETag, which is not promised."""
    return bool(int(answer["ContentLength"]) == evidence["size_bytes"])


def _failed(key: ObjectKey, error: Exception) -> SourceError:
    return error if isinstance(error, SourceError) else object_error(key, error)
