"""The heart rates in Apple Health's ``export.xml``, which can be gigabytes: read as a stream."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime
from pathlib import Path
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from mien.facts import shown
from mien_body.measured import BodyFile, Series, unusable

HEART_RATE = "HKQuantityTypeIdentifierHeartRate"
MOST = 20_000_000
"""Heart rates that are read at most: a hundred years of a watch."""


def read_apple(path: Path) -> BodyFile:
    """The heart rates with their times; elements are dropped as soon as they are read.

    Raises:
        InputError: if it is damaged, declares entities, or has no heart rates.
    """
    name = shown(path)
    seconds, rates = array("d"), array("d")
    try:
        root = None
        for event, element in iterparse(str(path), events=("start", "end"), forbid_dtd=False):
            root = element if root is None else root
            if event != "end":
                continue
            if element.tag == "Record" and element.get("type") == HEART_RATE:
                seconds.append(_stamp(element.get("startDate", "")).timestamp())
                rates.append(float(element.get("value", "")))
            # Only what lies right below the root is whole, and it is needed no more.
            if element.tag not in ("MetadataEntry", "HeartRateVariabilityMetadataList"):
                root.clear()
            if len(rates) > MOST:
                raise unusable(name, f"it has more than {MOST} heart rates", "export less")
    except DefusedXmlException:
        raise unusable(
            name, "it declares entities, which Apple's export never does", "export it again"
        ) from None
    except (ParseError, ValueError) as error:
        raise unusable(name, f"it is damaged ({error})", "export it from the phone again") from None
    if not len(rates):
        raise unusable(name, "it has no heart rates", "export data of a watch")
    order = np.argsort(np.frombuffer(seconds), kind="stable")
    times = np.frombuffer(seconds)[order]
    began = datetime.fromtimestamp(float(times[0]), UTC)
    series = Series("hr", "HeartRate", times - times[0], np.frombuffer(rates)[order])
    return BodyFile(Path(path).name, "Apple Health", (), (series,), (), began)


def _stamp(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")
