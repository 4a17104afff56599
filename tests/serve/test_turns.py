"""Of equal drawings at once one is drawn at a time; the others wait, and are told when they need not any more."""

import asyncio

import pytest

from genrec.serve.drawings import Turns
from genrec.serve.inference.deadline import ClientGone, Deadline


async def stays():
    return False


async def has_gone():
    return True


async def take(turns, told, name, *, person="p", key="k", fails=False):
    async with turns.alone(person, key, Deadline(60), stays):
        told.append(f"{name} begins")
        await asyncio.sleep(0.02)
        told.append(f"{name} ends")
        if fails:
            raise ValueError(name)


def test_equal_ones_take_turns_and_others_do_not_wait():
    async def run():
        turns, told = Turns(), []
        await asyncio.gather(*(take(turns, told, name) for name in "abc"))
        assert [line.split()[1] for line in told] == ["begins", "ends"] * 3
        told.clear()
        await asyncio.gather(
            take(turns, told, "a"), take(turns, told, "b", key="other"), take(turns, told, "c", person=None)
        )
        assert [line.split()[1] for line in told] == ["begins"] * 3 + ["ends"] * 3

    asyncio.run(run())


def test_where_one_fails_the_next_has_its_turn():
    async def run():
        turns, told = Turns(), []
        outcomes = await asyncio.gather(
            take(turns, told, "a", fails=True), take(turns, told, "b"), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [ValueError, type(None)]
        assert told == ["a begins", "a ends", "b begins", "b ends"]

    asyncio.run(run())


@pytest.mark.parametrize("how", ["canceled", "gone", "late"])
def test_who_waits_may_leave_and_holds_nobody_up(how):
    async def run():
        turns, told = Turns(), []
        deadline = Deadline(0 if how == "late" else 60)
        first = asyncio.create_task(take(turns, told, "a"))
        await asyncio.sleep(0)
        if how == "canceled":
            deadline.leave()
        with pytest.raises(TimeoutError if how == "late" else ClientGone):
            async with turns.alone("p", "k", deadline, has_gone if how == "gone" else stays):
                told.append("never")
        await asyncio.gather(first, take(turns, told, "b"))
        assert told == ["a begins", "a ends", "b begins", "b ends"]

    asyncio.run(run())
