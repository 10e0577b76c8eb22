"""PMML as sklearn2pmml and R's pmml write it."""

from __future__ import annotations

from typing import ClassVar

from fixtures.extraction import extract, values_of

from catalog.records import FileStatus
from catalog.testing.extractors import ExtractorSuite, Sample
from crawler.extractors.pmml import PmmlExtractor

HEADER = b"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">
 <Header copyright="ACME" description="Random Forest Tree Model" modelVersion="1.2">
  <Extension name="user" value="jane" extender="randomForest"/>
  <Application name="SkLearn2PMML package" version="0.92.0"/>
  <Timestamp>2023-05-01T10:20:30Z</Timestamp>
 </Header>
 <DataDictionary numberOfFields="3">
  <DataField name="Species" optype="categorical" dataType="string">
   <Value value="setosa"/><Value value="virginica"/><Value value="?" property="missing"/>
  </DataField>
  <DataField name="Sepal.Length" optype="continuous" dataType="double"/>
  <DataField name="Petal.Width" optype="continuous" dataType="double"/>
 </DataDictionary>
"""
MODEL = b"""<MiningModel modelName="iris_rf" functionName="classification" algorithmName="randomForest">
  <MiningSchema>
   <MiningField name="Species" usageType="predicted"/>
   <MiningField name="Sepal.Length"/><MiningField name="Petal.Width" usageType="active"/>
  </MiningSchema>
"""
TREES = b"<Node>" * 200 + b"</Node>" * 200 + b"</MiningModel></PMML>"


class TestPmml(ExtractorSuite):
    extractor = PmmlExtractor
    expected: ClassVar = {
        "framework": "pmml",
        "description": "Random Forest Tree Model",
        "version": "1.2",
        "created_at": "2023-05-01T10:20:30Z",
        "title": "iris_rf",
        "architecture": "MiningModel",
        "task": "tabular-classification",
        "features": 2,
        "classes": 2,
        "extra.pmml.application": "SkLearn2PMML package 0.92.0",
    }

    def sample(self):
        return Sample(key="models/iris.pmml", data=HEADER + MODEL + TREES)


def test_trees_that_are_deeper_than_the_bound_are_not_read():
    extraction = extract(PmmlExtractor, "iris.pmml", HEADER + MODEL + TREES)
    assert (extraction.problems, extraction.status) == ((), FileStatus.OK)


def test_a_name_that_the_writer_gave_is_no_title():
    said = values_of(
        extract(PmmlExtractor, "iris.pmml", HEADER + MODEL.replace(b"iris_rf", b"RPart_Model") + TREES)
    )
    assert "title" not in said
    assert said["extra.pmml.model_name"] == "RPart_Model"


def test_entities_are_refused_and_the_file_stays_a_model():
    hostile = b'<?xml version="1.0"?><!DOCTYPE PMML [<!ENTITY a "b">]><PMML><Header/></PMML>'
    extraction = extract(PmmlExtractor, "m.pmml", hostile)
    assert extraction.status is FileStatus.OPAQUE
    assert values_of(extraction) == {"framework": "pmml"}
