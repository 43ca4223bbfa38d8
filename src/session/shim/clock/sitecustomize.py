"""Stops the wall clock of a Python process at the time that stands in ARCHAL_CLOCK.

Python loads it at its start from PYTHONPATH. Clocks that only measure (`time.monotonic`,
`time.perf_counter`) go on. A `sitecustomize` that was there before is loaded too.
"""


def _install():
    import datetime
    import os
    import time

    stands = int(os.environ["ARCHAL_CLOCK"])
    seconds = stands / 1000
    real_date, real_datetime = datetime.date, datetime.datetime

    def given_or_now(function):
        def with_now(at=None):
            return function(seconds if at is None else at)

        return with_now

    strftime, asctime = time.strftime, time.asctime
    time.time = lambda: seconds
    time.time_ns = lambda: stands * 1_000_000
    time.localtime, time.gmtime, time.ctime = (
        given_or_now(time.localtime),
        given_or_now(time.gmtime),
        given_or_now(time.ctime),
    )
    time.strftime = lambda form, *at: strftime(form, *(at or (time.localtime(),)))
    time.asctime = lambda *at: asctime(*(at or (time.localtime(),)))
    if hasattr(time, "clock_gettime"):
        gettime, gettime_ns = time.clock_gettime, time.clock_gettime_ns
        wall = time.CLOCK_REALTIME
        time.clock_gettime = lambda which: seconds if which == wall else gettime(which)
        time.clock_gettime_ns = (
            lambda which: stands * 1_000_000 if which == wall else gettime_ns(which)
        )

    class SameKind(type):
        """What is made elsewhere, in C, is of the two kinds below, too; of those that extend them
        it is not."""

        def __instancecheck__(cls, value):
            real = kinds.get(cls)
            return isinstance(value, real) if real else type.__instancecheck__(cls, value)

        def __subclasscheck__(cls, other):
            real = kinds.get(cls)
            return issubclass(other, real) if real else type.__subclasscheck__(cls, other)

    class date(real_date, metaclass=SameKind):
        @classmethod
        def today(cls):
            return cls.fromtimestamp(seconds)

    class datetime_(real_datetime, metaclass=SameKind):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(seconds, tz)

        @classmethod
        def utcnow(cls):
            aware = real_datetime.fromtimestamp(seconds, datetime.timezone.utc)
            return cls.combine(aware.date(), aware.time())

        @classmethod
        def today(cls):
            return cls.fromtimestamp(seconds)

    kinds = {date: real_date, datetime_: real_datetime}
    for made, name in ((date, "date"), (datetime_, "datetime")):
        made.__name__ = made.__qualname__ = name
        made.__module__ = "datetime"
        setattr(datetime, name, made)
    # Says that it is in force, for the record of the run.
    with open(os.environ["ARCHAL_CLOCK_SEEN"], "a", encoding="utf-8") as file:
        file.write("python\n")


def _load_the_next():
    import importlib.util
    import os
    import sys

    here = os.path.dirname(os.path.abspath(__file__))
    for folder in sys.path:
        path = os.path.join(folder or ".", "sitecustomize.py")
        if os.path.abspath(folder or ".") != here and os.path.isfile(path):
            spec = importlib.util.spec_from_file_location("sitecustomize", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return


_install()
_load_the_next()
