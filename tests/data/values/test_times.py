from datetime import UTC, date, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from columns_of import column, moments
from hypothesis import given, settings
from hypothesis import strategies as st

from genrec.data.values import times

NOON = "2017-08-25T13:55:02.000"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2017-08-25T13:55:02.000Z", NOON),
        ("2017-08-25 13:55:02 UTC", NOON),
        ("2017-08-25 13:55:02 +0000", NOON),
        ("2017-08-25 14:55:02 +01:00", NOON),
        ("2017-08-25T15:55:02+0200", NOON),
        ("2017-08-25 08:55:02-05", NOON),
        ("2017-08-25T13:55:02+00:00[UTC]", NOON),
        ("2017-08-25 13:55:02.123456", "2017-08-25T13:55:02.123"),
        ("20170825T135502Z", NOON),
        ("20170825 13:55:02", NOON),
        ("Fri Aug 25 06:55:02 -0700 2017", NOON),
        ("Fri Aug 25 06:55:02 PDT 2017", NOON),
        ("Fri, 25 Aug 2017 13:55:02 GMT", NOON),
        ("Fri, 25 Aug 2017 15:55:02 +0200", NOON),
        ("Fri Aug 25 2017 15:55:02 GMT+0200 (CEST)", NOON),
        ("25.08.2017 13:55", "2017-08-25T13:55:00.000"),
        ("25.08.2017, 13:55:02 Uhr", NOON),
        ("25. August 2017 um 13:55 Uhr", "2017-08-25T13:55:00.000"),
        ("08/25/2017 1:55 PM", "2017-08-25T13:55:00.000"),
        ("8/25/2017 12:05 AM", "2017-08-25T00:05:00.000"),
        ("12/13/2010 8:26", "2010-12-13T08:26:00.000"),
        ("2017/08/25 24:00", "2017-08-26T00:00:00.000"),
        ("09 13, 2009", "2009-09-13T00:00:00.000"),
        ("25 Aug 2017", "2017-08-25T00:00:00.000"),
        ("August 25, 2017", "2017-08-25T00:00:00.000"),
        ("Aug 25th, 2017 at 1:55 pm", "2017-08-25T13:55:00.000"),
        ("25 août 2017", "2017-08-25T00:00:00.000"),
        ("25 de agosto de 2017", "2017-08-25T00:00:00.000"),
        ("3 März 2017", "2017-03-03T00:00:00.000"),
        ("25 августа 2017 г.", "2017-08-25T00:00:00.000"),
        ("2017年8月25日", "2017-08-25T00:00:00.000"),
        ("2017-08", "2017-08-01T00:00:00.000"),
        ("Aug 2017", "2017-08-01T00:00:00.000"),
        ("25/08/17", "2017-08-25T00:00:00.000"),
        ("1503669302", NOON),
        ("1503669302.5", "2017-08-25T13:55:02.500"),
        ("1503669302117", "2017-08-25T13:55:02.117"),
        ("1503669302117456", "2017-08-25T13:55:02.117"),
        ("1503669302117456000", "2017-08-25T13:55:02.117"),
        ("20170825", "2017-08-25T00:00:00.000"),
        ("2017082513", "2017-08-25T13:00:00.000"),
        ("20170825135502", NOON),
        ("2017", "2017-01-01T00:00:00.000"),
    ],
)
def test_times_are_read_as_people_and_programs_write_them(cell, expected):
    assert moments(times(column(cell))) == [expected]


def test_mixed_spellings_of_a_column_are_read_cell_by_cell():
    cells = (
        "20170825",
        "1503669302",
        "1503669302000",
        "2017-08-25",
        "25 Aug 2017",
        "x",
        None,
        "42972.5",
        "20170825135502",
    )
    found = times(column(*cells))
    day = "2017-08-25T00:00:00.000"
    assert moments(found) == [day, NOON, NOON, day, day, None, None, "2017-08-25T12:00:00.000", NOON]
    assert (found.odd.count, found.odd.examples, found.odd.rows.tolist()) == (1, ("x",), [5])


@pytest.mark.parametrize(
    "cell", ["hello", "May", "Aug 25", "2017-02-31", "31.31.2017", "25:61 2017-01-01", "12/2017/5"]
)
def test_what_is_no_whole_date_is_odd(cell):
    found = times(column(cell, "2017-08-25"))
    assert (found.odd.examples, found.present.tolist()) == ((cell,), [False, True])


def test_days_of_a_table_program_need_a_name_that_says_date():
    assert moments(times(column("42972.58", "42973"), name="order_date"))[1] == "2017-08-26T00:00:00.000"
    assert moments(times(column("42972.58", "42973"), name="timestamp"))[1] == "1970-01-01T11:56:13.000"


@pytest.mark.parametrize(
    ("cells", "month", "reason"),
    [
        (("03/04/2017", "25/08/2017"), 4, "other cells show"),
        (("03/04/2017", "08/25/2017"), 3, "other cells show"),
        (("30/03/2017", "03/04/2017", "04/04/2017", "01/05/2017"), 4, "other cells show"),
        (("03/04/2017", "04/04/2017", "07/04/2017", "01/05/2017"), 4, "in order"),
        (("03/04/2017", "03/07/2017", "04/01/2017", "05/02/2017"), 3, "in order"),
    ],
)
def test_the_column_decides_whether_day_or_month_is_first(cells, month, reason):
    found = times(column(*cells))
    assert moments(found)[cells.index("03/04/2017")][5:7] == f"{month:02d}"
    assert reason in found.notes[0]
    assert found.ambiguous is None


def test_where_nothing_decides_it_is_asked_and_the_answer_counts():
    found = times(column("03/04/2017", "05/06/2017"))
    assert "'03/04/2017'" in found.ambiguous
    assert moments(found)[0] == "2017-03-04T00:00:00.000"
    settled = times(column("03/04/2017", "05/06/2017"), day_first=True)
    assert settled.ambiguous is None
    assert moments(settled)[0] == "2017-04-03T00:00:00.000"


def test_points_put_the_day_first():
    found = times(column("03.04.2017 10:00"))
    assert (moments(found), found.ambiguous) == (["2017-04-03T10:00:00.000"], None)


def test_order_within_a_second_is_kept():
    found = times(column("1433221332.900", "1433221332.500", "1433221332.117"))
    assert found.milliseconds.tolist() == [1433221332900, 1433221332500, 1433221332117]
    assert times(column("1433221332900", "1433221332117")).milliseconds.tolist() == [1433221332900, 1433221332117]


def test_the_unit_of_unix_times_is_the_columns():
    found = times(column("1503669302000", "5", "1503669303000"), name="timestamp")
    assert found.milliseconds.tolist() == [1503669302000, 5, 1503669303000]


@pytest.mark.parametrize(
    "cells", [("0001-01-01", "2017-01-01"), ("9999-12-31", "2017-01-01"), ("0", "1483228800"), ("-1", "1483228800")]
)
def test_times_that_no_event_has_are_odd(cells):
    found = times(column(*cells))
    assert moments(found) == [None, "2017-01-01T00:00:00.000"]
    assert found.odd.rows.tolist() == [0]


def test_small_numbers_are_seconds_with_a_note():
    found = times(column("1", "2", "300"))
    assert found.milliseconds.tolist() == [1000, 2000, 300000]
    assert "only their order" in found.notes[0]


@pytest.mark.parametrize(
    ("cell", "says"),
    [("2017-08-25 13:55:02", True), ("25.08.2017 13:55", True), ("2017-08-25T13:55:02Z", False), ("2017-08-25", False)],
)
def test_times_without_a_zone_are_utc_and_it_is_said(cell, says):
    assert any("no zone" in note for note in times(column(cell)).notes) == says


def test_days_alone_have_no_time_of_day():
    assert not times(column("2017-08-25", "2017-08-26")).has_time_of_day
    assert times(column("2017-08-25", "2017-08-26 10:00")).has_time_of_day


def test_times_of_parquet_and_python_are_taken_as_they_are():
    stamps = pa.array([datetime(2017, 8, 25, 13, 55, 2), None], pa.timestamp("us"))
    assert moments(times(pa.chunked_array([stamps]))) == [NOON, None]
    zoned = pa.array([datetime(2017, 8, 25, 13, 55, 2, tzinfo=UTC)], pa.timestamp("ns", tz="Europe/Berlin"))
    assert moments(times(pa.chunked_array([zoned]))) == [NOON]
    assert moments(times(pa.chunked_array([pa.array([date(2017, 8, 25)])])))[0] == "2017-08-25T00:00:00.000"
    assert moments(times([datetime(2017, 8, 25, 13, 55, 2), 1503669302, "2017-08-25 13:55:02", None]))[:3] == [NOON] * 3
    assert times(pa.chunked_array([pa.array([True])])).odd.count == 1


FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S UTC",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S +0000",
    "%a %b %d %H:%M:%S +0000 %Y",
    "%d %B %Y %H:%M:%S",
    "%B %d, %Y %I:%M:%S %p",
    "%Y%m%dT%H%M%S",
    "%d-%b-%Y %H:%M:%S",
)


@settings(deadline=None)
@given(st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31)), st.sampled_from(FORMATS))
def test_times_written_in_any_form_are_read_back(moment, form):
    moment = moment.replace(microsecond=0)
    assert moments(times(column(moment.strftime(form), None)))[0] == moment.isoformat(timespec="milliseconds")


@settings(deadline=None)
@given(st.datetimes(datetime(1975, 1, 1), datetime(2099, 12, 31)), st.integers(-12 * 60, 14 * 60))
def test_zones_are_obeyed(moment, minutes):
    zoned = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    assert times(column(zoned.isoformat())).milliseconds[0] == zoned.timestamp() * 1000
    assert times(column(zoned.strftime("%d %b %Y %H:%M:%S %z"))).milliseconds[0] == zoned.timestamp() * 1000


@settings(deadline=None)
@given(
    st.lists(st.none() | st.text() | st.from_regex(r"[\d/.: -]{6,20}( [AP]M|Z)?|\d{1,20}", fullmatch=True), min_size=1)
)
def test_any_text_is_a_time_or_odd_or_missing(cells):
    found = times([*cells])
    assert len(found.milliseconds) == len(cells)
    assert not (found.present[found.odd.rows]).any()


def test_whole_numbers_under_a_date_are_days_since_1970_where_those_lie_in_our_time() -> None:
    found = times(column("17897", "17898"), name="order_date")
    assert found.milliseconds.tolist() == [17897 * 86_400_000, 17898 * 86_400_000]
    assert "days since 1970" in found.notes[0]
    assert times(column("17897", "17898"), name="timestamp").milliseconds.tolist() == [17_897_000, 17_898_000]
    assert times(column("43496", "43497"), name="order_date").milliseconds.tolist()[0] == 1_548_892_800_000


@pytest.mark.parametrize(
    ("cells", "written"),
    [(("31012019", "01022019"), "31012019"), (("190131", "190201"), "190131"), (("01312019", "02012019"), "01312019")],
)
def test_dates_in_one_number_may_begin_otherwise_than_with_the_year(cells: tuple[str, ...], written: str) -> None:
    found = times(column(*cells), name="order_date")
    assert found.milliseconds.tolist() == [1_548_892_800_000, 1_548_979_200_000]
    assert written in found.notes[0]
    assert times(column(*cells), name="timestamp").milliseconds.tolist() == [int(cell) * 1000 for cell in cells]


def test_times_of_web_servers_are_read() -> None:
    found = times(column("[03/Mar/2021:10:00:00 +0100]", "12/Dec/2020:11:12:13 +0000"))
    assert found.milliseconds.tolist() == [1_614_762_000_000, 1_607_771_533_000]
