"""Writes the bills of materials of tests/corpus/data/boms by the libraries of their standards.

Written with cyclonedx-python-lib 11.12.0, spdx-python-model and mlcroissant: python tests/corpus/generate_trackers_boms.py
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import mlcroissant
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalContact
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from spdx_python_model import v3_0_1 as spdx

DATA = Path(__file__).resolve().parent / "data" / "boms"
CREATED = datetime(2024, 5, 1, tzinfo=UTC)


def cyclonedx():
    model = Component(
        name="pose-net",
        version="2.1.0",
        type=ComponentType.MACHINE_LEARNING_MODEL,
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
        authors=[OrganizationalContact(name="Grace")],
        description="Finds joints.",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content="a" * 64)],
    )
    bom = Bom()
    bom.metadata.component = model
    bom.register_dependency(model)
    for number in range(60):
        bom.components.add(Component(name=f"library-{number}", version="1", type=ComponentType.LIBRARY))
    (DATA / "bom.json").write_text(JsonV1Dot6(bom).output_as_string(indent=1))


def spdx_document():
    info = spdx.CreationInfo(created=CREATED, specVersion="3.0.1")
    ada = spdx.Person(_id="https://example.org/ada", name="Ada", creationInfo=info)
    info.createdBy.append(ada)
    model = spdx.ai_AIPackage(
        _id="https://example.org/model",
        name="speech-small",
        software_packageVersion="0.9",
        creationInfo=info,
        releaseTime=datetime(2024, 5, 2, tzinfo=UTC),
    )
    model.suppliedBy = ada
    model.ai_typeOfModel.append("transformer")
    model.ai_domain.append("speech")
    model.ai_hyperparameter.append(spdx.DictionaryEntry(key="layers", value="4"))
    model.ai_metric.append(spdx.DictionaryEntry(key="wer", value="0.12"))
    model.verifiedUsing.append(spdx.Hash(algorithm=spdx.HashAlgorithm.sha256, hashValue="b" * 64))
    data = spdx.dataset_DatasetPackage(_id="https://example.org/data", name="LibriSpeech", creationInfo=info)
    data.dataset_datasetType.append(spdx.dataset_DatasetType.audio)
    licence = spdx.simplelicensing_LicenseExpression(
        _id="https://example.org/licence", simplelicensing_licenseExpression="MIT", creationInfo=info
    )
    relations = [
        spdx.Relationship(
            _id=f"https://example.org/{kind}",
            from_=model,
            to=[target],
            relationshipType=getattr(spdx.RelationshipType, kind),
            creationInfo=info,
        )
        for kind, target in (("trainedOn", data), ("hasDeclaredLicense", licence))
    ]
    with (DATA / "speech.spdx.json").open("wb") as file:
        everything = spdx.SHACLObjectSet([ada, model, data, licence, *relations])
        spdx.JSONLDSerializer().write(everything, file, indent=1)


def croissant():
    context = mlcroissant.Context()
    dataset = mlcroissant.Metadata(
        ctx=context,
        name="titanic",
        description="Passengers.",
        url="https://example.org/titanic",
        license=["https://creativecommons.org/licenses/by/4.0/"],
        version="1.0.0",
    )
    (DATA / "croissant.json").write_text(json.dumps(dataset.to_json(), indent=1, default=str))


if __name__ == "__main__":
    DATA.mkdir(parents=True, exist_ok=True)
    cyclonedx()
    spdx_document()
    croissant()
