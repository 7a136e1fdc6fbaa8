"""Every bar kind of specs/bars.md in plain loops over floats, and the comparison with what `bars` wrote.

usage: bars_reference.py --trades-root R | --agg1m-root R --ticker T --from D --to D --outdir O --mode M …
       bars_reference.py --self-test

Written from the specification alone, to be read beside it: nothing here was taken from the Rust. Only reading
Parquet needs pyarrow; every sum is a plain addition in the order of the trades, begun at 0.0 with each bar.
Where the text can be read in two ways the reading taken is marked READING.
"""

import argparse
import datetime
import math
import pathlib
import struct
import sys
from dataclasses import dataclass
from typing import Iterable, Iterator, NamedTuple

FOLDERS = {
    "TB": "tick", "VB": "volume", "DB": "dollar",
    "DIB": "dollar_imbalance", "VIB": "volume_imbalance", "TIB": "tick_imbalance",
    "DRB": "dollar_runs", "VRB": "volume_runs", "TRB": "tick_runs",
}  # fmt: skip
COLUMNS = {"t": "int64"} | dict.fromkeys(("open", "high", "low", "close", "v", "dollar"), "double")
EXTENDED = {"t_close": "int64", "n": "int64"} | dict.fromkeys(
    ("vw", "buy_v", "buy_dollar", "imbalance", "threshold"), "double"
)


class Trade(NamedTuple):
    sip_ts: int  # ns UTC
    price: float
    size: float


@dataclass
class Parameters:
    target: float = 50_000.0
    alpha: float = 0.2
    threshold: str = "target"
    expected_ticks: int = 1_000
    warmup: int | None = None
    min_ticks: float | None = None
    max_ticks: float | None = None
    first_sign: int = 1

    def __post_init__(self) -> None:
        self.target, n = float(self.target), self.expected_ticks
        self.warmup = n if self.warmup is None else self.warmup
        # READING: "expected-ticks / 10" is a quotient of numbers, not of integers (15 gives 1.5).
        self.min_ticks = n / 10 if self.min_ticks is None else self.min_ticks
        self.max_ticks = n * 10.0 if self.max_ticks is None else self.max_ticks


@dataclass
class Bar:
    """A bar's columns, and the sums that rules look at. It is opened by its first trade and then takes it."""

    t: int
    open: float
    high: float
    low: float
    close: float = 0.0
    v: float = 0.0
    dollar: float = 0.0
    t_close: int = 0
    n: int = 0
    vw: float = 0.0
    buy_v: float = 0.0
    buy_dollar: float = 0.0
    imbalance: float = 0.0  # Σ b·m, for every kind and threshold; in the rules "stable" and "afml" this is θ
    threshold: float = math.nan
    moved: float = 0.0  # Σ s·m: θ of the rule "target"
    magnitude: float = 0.0  # A = Σ m
    up: float = 0.0  # B = Σ m where b = +1
    down: float = 0.0  # S = Σ m where b = -1

    def take(self, trade: Trade, s: int, b: int, m: float) -> None:
        price, size = trade.price, trade.size
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.v += size
        self.dollar += price * size
        self.t_close = trade.sip_ts
        self.n += 1
        self.vw = self.dollar / self.v
        self.imbalance += b * m
        self.moved += s * m
        self.magnitude += m
        if b == 1:
            self.buy_v += size
            self.buy_dollar += price * size
            self.up += m
        else:
            self.down += m


# Rules. `closes` is asked once a trade, when the bar has taken it, and says whether the bar ends with it and
# which threshold was in force. A rule lives as long as its series: what it remembers crosses bars and days.


class Fixed:
    """TB, VB, DB: n, Σ q or Σ p·q reaches the target. All three are Σ m."""

    def __init__(self, p: Parameters) -> None:
        self.target = p.target

    def closes(self, bar: Bar, s: int, b: int, m: float) -> tuple[bool, float]:
        return bar.magnitude >= self.target, self.target


class ImbalanceTarget:
    """|θ| ≥ max(1, E·target) or A ≥ target; E is the EWMA of |s|, this trade included, never reset at a bar."""

    def __init__(self, p: Parameters) -> None:
        self.target, self.alpha = p.target, p.alpha
        self.e: float | None = None

    def closes(self, bar: Bar, s: int, b: int, m: float) -> tuple[bool, float]:
        self.e = 0.0 if self.e is None else self.alpha * abs(s) + (1.0 - self.alpha) * self.e
        # READING: where A ≥ target ended the bar the column still says max(1, E·target), the threshold of θ.
        threshold = max(1.0, self.e * self.target)
        return abs(bar.moved) >= threshold or bar.magnitude >= self.target, threshold


def folded(a: float, value: float, before: float | None) -> float:
    """An EWMA that starts at its first value."""
    return value if before is None else a * value + (1.0 - a) * before


class FirstBarThenCap:
    """What "stable" and runs share: N fixed, the first bar of N trades, the cap at 3·N, the fold after the test."""

    def __init__(self, p: Parameters) -> None:
        self.n = p.expected_ticks
        self.a = 2.0 / (self.n + 1)
        self.is_first_bar = True

    def closes(self, bar: Bar, s: int, b: int, m: float) -> tuple[bool, float]:
        if self.is_first_bar:
            # READING: the threshold in force in the first bar is N, for T = N is what ends it.
            closed, threshold = bar.n >= self.n, float(self.n)
            self.is_first_bar = not closed
        else:
            # READING: where the cap ended the bar the column still says the threshold of θ (or of the runs).
            threshold = self.threshold_before_this_trade()
            closed = self.reached(bar) >= threshold or bar.n >= 3 * self.n
        self.fold(b, m)
        return closed, threshold


class ImbalanceStable(FirstBarThenCap):
    """|θ| ≥ max(N·|I|, √N·M); M is the EWMA of |m|, I of b·m."""

    big_m: float | None = None
    big_i: float | None = None

    def reached(self, bar: Bar) -> float:
        return abs(bar.imbalance)

    def threshold_before_this_trade(self) -> float:
        return max(self.n * abs(self.big_i), math.sqrt(self.n) * self.big_m)

    def fold(self, b: int, m: float) -> None:
        self.big_m = folded(self.a, abs(m), self.big_m)
        self.big_i = folded(self.a, b * m, self.big_i)


class Runs(FirstBarThenCap):
    """max(B, S) ≥ N·max(P·M₊, (1−P)·M₋); P is the EWMA of [b = +1], M₊ and M₋ of m over one side's trades.

    READING: --threshold says nothing to runs. M₊ and M₋ start, like all, at the first value they get.
    """

    p_up: float | None = None
    big_m: float | None = None
    up: float | None = None
    down: float | None = None

    def reached(self, bar: Bar) -> float:
        return max(bar.up, bar.down)

    def threshold_before_this_trade(self) -> float:
        up = self.big_m if self.up is None else self.up
        down = self.big_m if self.down is None else self.down
        return self.n * max(self.p_up * up, (1.0 - self.p_up) * down)

    def fold(self, b: int, m: float) -> None:
        self.p_up = folded(self.a, 1.0 if b == 1 else 0.0, self.p_up)
        self.big_m = folded(self.a, m, self.big_m)
        if b == 1:
            self.up = folded(self.a, m, self.up)
        else:
            self.down = folded(self.a, m, self.down)


class ImbalanceAfml:
    """|θ| ≥ E[T]·|E[b·m]|, both EWMAs with weight α, updated once when a bar closes."""

    def __init__(self, p: Parameters) -> None:
        self.p = p
        # READING: "held in" is said of E[T] itself: what is remembered is clamped, the start value too.
        self.ticks = self.held(float(p.expected_ticks))
        self.mean: float | None = None  # E[b·m] once a bar has closed
        self.seen, self.sum = 0, 0.0  # the first `warmup` trades

    def held(self, ticks: float) -> float:
        return min(max(ticks, self.p.min_ticks), self.p.max_ticks)

    def closes(self, bar: Bar, s: int, b: int, m: float) -> tuple[bool, float]:
        if self.seen < self.p.warmup:
            self.seen += 1
            self.sum += abs(b * m)
        # READING: a running mean is the sum so far over the count so far; it stands still after the warm-up
        # and is E[b·m] until the first bar closes.
        mean = self.sum / self.seen if self.mean is None else self.mean
        threshold = self.ticks * abs(mean)
        # READING: the warm-up ends with trade number `warmup`, and that trade may close a bar.
        closed = self.seen >= self.p.warmup and abs(bar.imbalance) >= threshold
        if closed:
            # READING: the first update folds the bar's signed mean into the unsigned mean of the warm-up.
            self.mean = self.p.alpha * (bar.imbalance / bar.n) + (1.0 - self.p.alpha) * mean
            self.ticks = self.held(self.p.alpha * bar.n + (1.0 - self.p.alpha) * self.ticks)
        return closed, threshold


def rule_of(mode: str, p: Parameters) -> Fixed | ImbalanceTarget | FirstBarThenCap | ImbalanceAfml:
    if mode in ("TB", "VB", "DB"):
        return Fixed(p)
    if mode in ("DRB", "VRB", "TRB"):
        return Runs(p)
    return {"target": ImbalanceTarget, "stable": ImbalanceStable, "afml": ImbalanceAfml}[p.threshold](p)


def carries_information(trade: Trade) -> bool:
    return all(math.isfinite(x) and x > 0.0 for x in (trade.price, trade.size))


def bars(trades: Iterable[Trade], mode: str, p: Parameters) -> Iterator[Bar]:
    """The bars of one series from its first trade on, the open tail last.

    A trade without information changes nothing, not even the last price.
    """
    rule = rule_of(mode, p)
    bar: Bar | None = None
    last_price: float | None = None
    b = p.first_sign
    for trade in trades:
        if not carries_information(trade):
            continue
        # s is the move, 0 where there was none; b the tick rule, which carries the sign of the last move.
        s = 0 if last_price is None else (trade.price > last_price) - (trade.price < last_price)
        b = s or b
        last_price = trade.price
        m = {"D": trade.price * trade.size, "V": trade.size, "T": 1.0}[mode[0]]
        if bar is None:
            bar = Bar(t=trade.sip_ts, open=trade.price, high=trade.price, low=trade.price)
        bar.take(trade, s, b, m)
        closed, threshold = rule.closes(bar, s, b, m)
        if closed:
            bar.threshold = threshold
            yield bar
            bar = None
    if bar is not None:
        yield bar


def year_of(t: int) -> int:
    """The year of `t` in New York, by a fixed five hours: no summer time is in force on New Year's Eve."""
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=t // 1_000_000_000 - 5 * 3600)
    return at.year


# Reading and comparing.


def days(first: str, last: str) -> Iterator[datetime.date]:
    day, end = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    while day <= end:
        yield day
        day += datetime.timedelta(days=1)


def columns_of(path: pathlib.Path, names: list[str]) -> Iterator[tuple]:
    from pyarrow.parquet import ParquetFile

    table = ParquetFile(path).read(columns=names)
    return zip(*(table.column(name).to_pylist() for name in names))


def read_trades(root: str, ticker: str, first: str, last: str, *, stable_sort: bool = False) -> Iterator[Trade]:
    for day in days(first, last):
        path = pathlib.Path(root, ticker, f"year={day:%Y}", f"month={day:%m}", f"day={day}", "trades.parquet")
        if path.exists():
            rows = [Trade(*row) for row in columns_of(path, ["sip_ts", "price", "size"])]
            yield from sorted(rows, key=lambda trade: trade.sip_ts) if stable_sort else rows


def read_minutes(root: str, ticker: str, first: str, last: str, price: str) -> Iterator[Trade]:
    """Each minute row as one pseudo-trade."""
    for year, month in dict.fromkeys((day.year, day.month) for day in days(first, last)):
        path = pathlib.Path(root, ticker, f"year={year}", f"month={month:02}", "minute.parquet")
        if path.exists():
            for date, t, c, v, vw in columns_of(path, ["date", "t", "c", "v", "vw"]):
                if first <= date <= last:
                    # READING: "present" is "not null"; a vw that is NaN is a price that carries no information.
                    yield Trade(t * 1_000_000, c if vw is None or price == "close" else vw, v)


def bits(value: object) -> object:
    """What is compared: the bits of a float (any NaN is NaN), anything else itself."""
    if not isinstance(value, float):
        return value
    return "NaN" if math.isnan(value) else struct.pack(">d", value).hex()


def difference(expected: list[Bar], folder: pathlib.Path, extended: bool) -> str | None:
    """The first difference between `expected` and the files in `folder`."""
    from pyarrow.parquet import ParquetFile

    wanted = COLUMNS | EXTENDED if extended else COLUMNS
    by_year: dict[int, list[Bar]] = {}
    for bar in expected:
        by_year.setdefault(year_of(bar.t), []).append(bar)
    there = sorted(path.name for path in folder.glob("year=*"))
    should = sorted(f"year={year}" for year in by_year)
    if there != should:
        return f"{folder}: years {there}, should be {should}"
    for year, of_year in sorted(by_year.items()):
        path = folder / f"year={year}" / "bars.parquet"
        table = ParquetFile(path).read()
        found = {field.name: str(field.type) for field in table.schema}
        if list(found.items()) != list(wanted.items()):
            return f"{path}: columns {found}, should be {wanted}"
        values = {name: table.column(name).to_pylist() for name in wanted}
        for row, bar in enumerate(of_year[: table.num_rows]):
            for name in wanted:
                got, ought = values[name][row], getattr(bar, name)
                if bits(got) != bits(ought):
                    values = f"{got!r} ({bits(got)}), should be {ought!r} ({bits(ought)})"
                    return f"{path}: row {row}, column {name}: {values}, in {bar}"
        if table.num_rows != len(of_year):
            return f"{path}: {table.num_rows} rows, should be {len(of_year)}"
    return None


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        import bars_reference_cases

        return bars_reference_cases.run()
    parser = argparse.ArgumentParser()
    for name in ("--trades-root", "--agg1m-root", "--ticker", "--from", "--to", "--outdir", "--mode"):
        parser.add_argument(name, required=name not in ("--trades-root", "--agg1m-root"))
    defaults = Parameters()
    for name in ("target", "alpha", "min_ticks", "max_ticks"):
        default = None if name.endswith("ticks") else getattr(defaults, name)
        parser.add_argument("--" + name.replace("_", "-"), type=float, default=default)
    parser.add_argument("--expected-ticks", type=int, default=defaults.expected_ticks)
    parser.add_argument("--warmup", type=int)
    parser.add_argument("--first-sign", type=int, choices=(1, -1), default=1)
    parser.add_argument("--threshold", choices=("target", "stable", "afml"), default="target")
    parser.add_argument("--agg1m-price", choices=("vw", "close"), default="vw")
    parser.add_argument("--extended", action="store_true")
    parser.add_argument("--sort", action="store_true")
    given = parser.parse_args()
    names = ("target", "alpha", "threshold", "expected_ticks", "warmup", "min_ticks", "max_ticks", "first_sign")
    p = Parameters(**{name: getattr(given, name) for name in names})
    first, last = getattr(given, "from"), given.to
    if given.trades_root is not None:
        trades = list(read_trades(given.trades_root, given.ticker, first, last, stable_sort=given.sort))
    else:
        trades = list(read_minutes(given.agg1m_root, given.ticker, first, last, given.agg1m_price))
    skipped = sum(not carries_information(trade) for trade in trades)
    print(f"{len(trades)} trades, {skipped} skipped")
    status = 0
    for mode in FOLDERS if given.mode == "all" else given.mode.split(","):
        expected = list(bars(trades, mode, p))
        found = difference(expected, pathlib.Path(given.outdir, given.ticker, FOLDERS[mode]), given.extended)
        print(f"{mode}: {found}" if found else f"{mode}: {len(expected)} bars agree")
        status = 1 if found else status
    return status


if __name__ == "__main__":
    sys.exit(main())
