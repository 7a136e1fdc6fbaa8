"""Small tapes whose bars were worked out by hand, so that the reference need not be taken on faith.

Run by `bars_reference.py --self-test`. Numbers are chosen so that every step is exact in binary.
"""

import math
import pathlib
import tempfile

import bars_reference as reference
from bars_reference import Parameters, Trade


def tape(*prints: tuple[float, float]) -> list[Trade]:
    """Trades of (price, size), stamped 0, 1, 2, …"""
    return [Trade(stamp, float(price), float(size)) for stamp, (price, size) in enumerate(prints)]


def ticks(*prices: float) -> list[Trade]:
    return tape(*((price, 1) for price in prices))


def columns(trades: list[Trade], mode: str, names: str, **parameters) -> list[tuple]:
    found = reference.bars(trades, mode, Parameters(**parameters))
    return [tuple(reference.bits(getattr(bar, name)) for name in names.split()) for bar in found]


def rows(*expected: tuple) -> list[tuple]:
    return [tuple(reference.bits(value) for value in row) for row in expected]


def same(found: list[tuple], expected: list[tuple]) -> None:
    assert found == expected, f"\nfound    {found}\nexpected {expected}"


def test_every_column_of_a_dollar_bar_and_of_its_open_tail():
    trades = tape((10, 2), (12, 1), (11, 4), (11, 8))
    # p·q: 20, 12, 44 sum to 20, 32, 76: 76 >= 76 ends the bar at the third trade, and 88 >= 76 makes one of the fourth.
    # b: + (first), + (up), - (down), - (flat: carried). Bar 1: b·m = 20 + 12 - 44 = -12; buys: q 2+1, p·q 20+12.
    names = "t open high low close v dollar t_close n vw buy_v buy_dollar imbalance threshold"
    same(
        columns(trades, "DB", names, target=76),
        rows(
            (0, 10.0, 12.0, 10.0, 11.0, 7.0, 76.0, 2, 3, 76.0 / 7.0, 3.0, 32.0, -12.0, 76.0),
            (3, 11.0, 11.0, 11.0, 11.0, 8.0, 88.0, 3, 1, 11.0, 0.0, 0.0, -88.0, 76.0),
        ),
    )
    # Target 77: the third trade is not enough, and where it is the last the bar stays open.
    same(columns(trades[:3], "DB", "n dollar threshold", target=77), rows((3, 76.0, math.nan)))
    same(columns(trades, "DB", "n dollar threshold", target=77), rows((4, 164.0, 77.0)))


def test_tick_bars_count_and_the_last_may_be_open():
    same(
        columns(ticks(1, 2, 3, 4, 5), "TB", "t open close n threshold", target=2),
        rows((0, 1.0, 2.0, 2, 2.0), (2, 3.0, 4.0, 2, 2.0), (4, 5.0, 5.0, 1, math.nan)),
    )


def test_volume_bars_carry_no_excess_and_one_trade_never_makes_two_bars():
    # 2 + 3 = 5 | 17 is more than three targets and one bar | 4.5, then + 0.5 = 5 | nothing is left
    trades = tape((1, 2), (1, 3), (1, 17), (1, 4.5), (1, 0.5))
    same(columns(trades, "VB", "t v n", target=5), rows((0, 5.0, 2), (2, 17.0, 1), (3, 5.0, 2)))


def test_sums_are_plain_additions_in_the_order_of_the_trades():
    # 0.1 + 0.2 + 0.3 from the left is 0.6000000000000001; an exact sum would be 0.6.
    trades = tape((1, 0.1), (1, 0.2), (1, 0.3))
    same(columns(trades, "TB", "v dollar", target=3), rows((0.6000000000000001, 0.6000000000000001)))


def test_bars_may_share_a_stamp():
    trades = [Trade(7, 1.0, 1.0)] * 3
    same(columns(trades, "TB", "t n", target=1), rows((7, 1), (7, 1), (7, 1)))


def test_the_sign_is_carried_over_flat_trades_and_bars_and_begins_as_told():
    # prices     5  5 | 6  6 | 5  5 | 5  6
    # b          +  + | +  + | -  - | -  +        with --first-sign -1 the first two are -
    trades = ticks(5, 5, 6, 6, 5, 5, 5, 6)
    same(columns(trades, "TB", "imbalance", target=2), rows((2.0,), (2.0,), (-2.0,), (0.0,)))
    same(
        columns(trades, "TB", "imbalance buy_v", target=2, first_sign=-1),
        rows((-2.0, 0.0), (2.0, 2.0), (-2.0, 0.0), (0.0, 1.0)),
    )


def test_a_trade_without_information_changes_nothing_not_even_the_last_price():
    bad = [(9, 0), (9, -1), (9, math.nan), (9, math.inf), (0, 1), (-9, 1), (math.nan, 1), (math.inf, 1)]
    trades = tape((5, 1), *bad, (6, 1), *bad, (5.5, 1))
    assert sum(not reference.carries_information(trade) for trade in trades) == 16
    # b of the three good ones: +, + (5 to 6), - (6 to 5.5; had 9 counted, 6 would have been a fall)
    same(columns(trades, "TB", "n v imbalance high", target=3), rows((3, 3.0, 1.0, 6.0)))
    same(columns(tape(*bad), "TB", "n", target=3), [])


def test_imbalance_target_closes_on_theta_often_on_a_flat_trade():
    # α = 1/2, target 4, tick kind:
    # price   10    11    11 |  12     13     13
    # s        0     1     0 |   1      1      0
    # E        0    .5   .25 | .625  .8125  .40625        never reset
    # 4·E      0     2     1 | 2.5   3.25   1.625         at least 1
    # |θ|      0     1     1 |   1      2      2
    # closes               * |                 *          Σ b: + + + | + + +
    same(
        columns(ticks(10, 11, 11, 12, 13, 13), "TIB", "t n imbalance threshold", target=4, alpha=0.5),
        rows((0, 3, 3.0, 1.0), (3, 3, 3.0, 1.625)),
    )


def test_imbalance_target_closes_when_the_magnitude_reaches_the_target():
    # price 10 11 10 11: s 0 1 -1 1, θ 0 1 0 1, E 0 .5 .75 .875, 4·E 0 2 3 3.5; A = 4 at the fourth trade
    # b is + + - +, so Σ b·m is 2 although θ is 1.
    same(
        columns(ticks(10, 11, 10, 11), "TIB", "n imbalance threshold", target=4, alpha=0.5),
        rows((4, 2.0, 3.5)),
    )


def test_imbalance_target_of_dollars_and_volume_weighs_by_the_magnitude():
    # prices 10 11 9, sizes 1 2 5; α = 1/2, target 100: E 0 .5 .75 -> thresholds 1 50 75
    # dollars: θ 0, 22, 22 - 45 = -23 and A 10, 32, 77: no close.  volume: θ 0 2 -3, A 8: no close.
    trades = tape((10, 1), (11, 2), (9, 5))
    for mode in ("DIB", "VIB"):
        same(columns(trades, mode, "n threshold", target=100, alpha=0.5), rows((3, math.nan)))
    # target 20: thresholds 1 10 15. dollars: θ = 22 >= 10 at the second; then -45 alone: 45 >= 15.
    same(columns(trades, "DIB", "n threshold", target=20, alpha=0.5), rows((2, 10.0), (1, 15.0)))
    # target 4: thresholds 1 2 3. volume: θ = 2 >= 2 at the second; then |-5| >= 3.
    same(columns(trades, "VIB", "n threshold", target=4, alpha=0.5), rows((2, 2.0), (1, 3.0)))


def test_imbalance_stable_begins_with_n_trades_and_is_capped_at_three_n():
    # N = 3, a = 2/4; tick kind, so M = 1 and √N·M = 1.732. Prices 1 2 3: b + + +, I = 1: first bar at T = 3.
    # Then 4: threshold 3·1 = 3 >= 1 = θ. Then prices 3 4 3 4 … swing: θ is 0 or 1, I goes 0 .5 -.25 .375 -.3125 …,
    # 3·|I| never beats √3 again, and no |θ| does: the cap ends the bar at T = 9.
    trades = ticks(1, 2, 3, 4, 3, 4, 3, 4, 3, 4, 3, 4)
    same(
        columns(trades, "TIB", "n imbalance threshold", threshold="stable", expected_ticks=3),
        rows((3, 3.0, 3.0), (9, 1.0, math.sqrt(3.0))),
    )
    # Had it gone on rising: θ = 3 >= 3·|I| = 3 at T = 3.
    same(
        columns(ticks(1, 2, 3, 4, 5, 6, 7), "TIB", "n threshold", threshold="stable", expected_ticks=3),
        rows((3, 3.0), (3, 3.0), (1, math.nan)),
    )


def test_imbalance_stable_tests_before_it_folds():
    # Sizes 1 1 1, then 100, all rising: before 100 is folded in 3·|I| is 3 and the print makes a bar of its own;
    # folded in, I = M = 50.5 and the next bar needs 151.5: 100 is too little, with 60 it is enough (I = 75.25: 225.75).
    trades = tape((1, 1), (2, 1), (3, 1), (4, 100), (5, 100), (6, 126))
    same(
        columns(trades, "VIB", "n v threshold", threshold="stable", expected_ticks=3),
        rows((3, 3.0, 3.0), (1, 100.0, 3.0), (2, 226.0, 225.75)),
    )


def test_imbalance_stable_knows_the_sign_of_the_flow():
    # Sizes 1 1 1 up, then 3 down: θ = -3, |θ| = 3 >= 3·1. Folded: I = -1, M = 2. Down 3 again: max(3, 2√3) = 3.46 > 3.
    # Folded: I = -2, M = 2.5; down 2: |θ| = 5 < 6 (and > √3·M = 4.33); folded I = -2, M = 2.25; up 1: |θ| = 4 < 6.
    trades = tape((1, 1), (2, 1), (3, 1), (2, 3), (1.5, 3), (1, 2), (2, 1))
    same(
        columns(trades, "VIB", "n imbalance threshold", threshold="stable", expected_ticks=3),
        rows((3, 3.0, 3.0), (1, -3.0, 3.0), (3, -4.0, math.nan)),
    )


def test_imbalance_afml_waits_for_its_warm_up_and_learns_when_a_bar_closes():
    # E[T] = 2, warm-up 3, α = 1/2, rising ticks: mean |b·m| = 1, threshold 2; θ = 2 at T = 2 is within the warm-up,
    # T = 3 closes. E[b·m] = .5·1 + .5·1 = 1, E[T] = .5·3 + .5·2 = 2.5: next at T = 3; E[T] = 2.75: T = 3; 2.875 …
    parameters = {"threshold": "afml", "alpha": 0.5, "expected_ticks": 2, "warmup": 3, "min_ticks": 1, "max_ticks": 4}
    rising = ticks(*range(1, 10))
    same(columns(rising, "TIB", "n threshold", **parameters), rows((3, 2.0), (3, 2.5), (3, 2.75)))
    # Held below 2.25: the second bar needs 2.25 (T = 3) and E[T] = .5·3 + .5·2.25 = 2.625 is again 2.25.
    held = parameters | {"max_ticks": 2.25}
    same(columns(rising, "TIB", "n threshold", **held), rows((3, 2.0), (3, 2.25), (3, 2.25)))
    # Held above 2.5 from the start.
    held = parameters | {"min_ticks": 2.5}
    same(columns(rising[:3], "TIB", "n threshold", **held), rows((3, 2.5)))


def test_imbalance_afml_learns_the_signed_mean():
    # First sign -1, falling 5 4 3: mean |b·m| 1, bar of 3 with θ = -3. E[b·m] = .5·(-1) + .5·1 = 0, E[T] = 2.5: threshold 0,
    # so the next trade (2, down) is a bar: E[b·m] = .5·(-1) + 0 = -.5, E[T] = .5 + 1.25 = 1.75: threshold .875.
    # The next (1, down) is one too: E[b·m] = -.75, E[T] = 1.375: threshold 1.03125; up to 2: |θ| = 1: open.
    parameters = {"threshold": "afml", "alpha": 0.5, "expected_ticks": 2, "warmup": 3, "min_ticks": 1, "max_ticks": 4}
    same(
        columns(ticks(5, 4, 3, 2, 1, 2), "TIB", "n imbalance threshold", first_sign=-1, **parameters),
        rows((3, -3.0, 2.0), (1, -1.0, 0.0), (1, -1.0, 0.875), (1, 1.0, math.nan)),
    )


def test_imbalance_afml_means_the_warm_up_trades_only_until_the_first_bar_closes():
    # Warm-up 2, E[T] = 2, sizes 1 3 (mean 2, threshold 4): θ = + 1 - 3 = -2; then + 5 = 3 with threshold still 4
    # (a mean over all three would be 3, threshold 6); then + 1 = 4 closes.
    parameters = {"threshold": "afml", "alpha": 0.5, "expected_ticks": 2, "warmup": 2}
    trades = tape((5, 1), (4, 3), (5, 5), (6, 1))
    same(columns(trades, "VIB", "n imbalance threshold", **parameters), rows((4, 4.0, 4.0)))


def test_runs_close_on_the_longer_side():
    # N = 3, a = 1/2. Prices 1 2 3: first bar. P = 1, M+ = 1. Then, tick kind:
    # price        2       3       2        3
    # P before     1      .5     .75     .375     (M- = 1 from the first fall on)
    # threshold    3     1.5    2.25    1.875     3·max(P·1, (1-P)·1)
    # B, S       0,1     1,1     1,2      2,2     2 >= 1.875 closes
    same(
        columns(ticks(1, 2, 3, 2, 3, 2, 3), "TRB", "n imbalance threshold", expected_ticks=3),
        rows((3, 3.0, 3.0), (4, 0.0, 1.875)),
    )


def test_runs_weigh_each_side_by_its_own_mean():
    # Volume: 1 1 1 up. Down 10: threshold 3·max(1·1, 0) = 3, a bar of one. P = .5, M- = 10 (its first value).
    # Down 4: 3·max(.5·1, .5·10) = 15 > 4.  P = .25, M- = 7.   Up 1: 3·max(.25, .75·7) = 15.75 > 4 = S.
    # P = .625, M+ = 1.   Down 8: 3·max(.625, .375·7) = 7.875 <= 12 = S closes.
    trades = tape((1, 1), (2, 1), (3, 1), (2, 10), (1, 4), (2, 1), (1, 8))
    same(
        columns(trades, "VRB", "n v threshold", expected_ticks=3),
        rows((3, 3.0, 3.0), (1, 10.0, 3.0), (3, 13.0, 7.875)),
    )


def test_runs_are_capped_at_three_n():
    # Dollars: price 1 throughout (b = + all along, P = 1). 1000 1000 1000, then ones: before the k-th of them
    # M+ = 1 + 999/2^(k-1), threshold 3·M+. At k = 9 that is 3·4.90234375 = 14.70703125 > 9 = B, but T = 9 is the cap.
    trades = tape(*[(1, 1000)] * 3, *[(1, 1)] * 9)
    same(
        columns(trades, "DRB", "n dollar threshold", expected_ticks=3),
        rows((3, 3000.0, 3.0), (9, 9.0, 14.70703125)),
    )


def test_the_default_parameters_follow_the_expected_ticks():
    p = Parameters(expected_ticks=15)
    assert (p.warmup, p.min_ticks, p.max_ticks) == (15, 1.5, 150.0)


def test_a_bar_belongs_to_the_new_york_year_of_its_opening():
    new_year = 1_704_085_200_000_000_000  # 2024-01-01 05:00 UTC, midnight in New York
    assert [reference.year_of(new_year + ns) for ns in (-1, 0)] == [2023, 2024]


def test_minutes_are_pseudo_trades_and_a_changed_bit_is_found():
    import pyarrow
    from pyarrow import parquet

    with tempfile.TemporaryDirectory() as root:
        path = pathlib.Path(root, "X", "year=2023", "month=10", "minute.parquet")
        path.parent.mkdir(parents=True)
        minutes = {
            "date": ["2023-10-01", "2023-10-02", "2023-10-02"],
            "t": [5, 6, 7], "c": [1.0, 2.0, 3.0], "v": [10.0, 20.0, 30.0], "vw": [1.5, None, 3.5],
        }  # fmt: skip
        parquet.write_table(pyarrow.table(minutes), path)
        read = list(reference.read_minutes(root, "X", "2023-10-02", "2023-11-01", "vw"))
        assert read == [(6_000_000, 2.0, 20.0), (7_000_000, 3.5, 30.0)], read
        read = list(reference.read_minutes(root, "X", "2023-10-01", "2023-10-01", "close"))
        assert read == [(5_000_000, 1.0, 10.0)], read

        bars = list(reference.bars(ticks(1, 2, 3), "TB", Parameters(target=2)))
        columns_on_disk = {name: [getattr(bar, name) for bar in bars] for name in reference.COLUMNS}
        path = pathlib.Path(root, "X", "tick", "year=1969", "bars.parquet")
        path.parent.mkdir(parents=True)
        parquet.write_table(pyarrow.table(columns_on_disk), path)
        assert reference.difference(bars, path.parents[1], extended=False) is None
        assert "columns" in reference.difference(bars, path.parents[1], extended=True)
        assert "2 rows, should be 3" in reference.difference(bars + bars[1:], path.parents[1], extended=False)
        columns_on_disk["v"][1] = math.nextafter(1.0, 2.0)
        parquet.write_table(pyarrow.table(columns_on_disk), path)
        found = reference.difference(bars, path.parents[1], extended=False)
        assert "row 1, column v: 1.0000000000000002 (3ff0000000000001), should be 1.0 (3ff0000000000000)" in found, found


def run() -> int:
    cases = {name: case for name, case in globals().items() if name.startswith("test_")}
    for name, case in cases.items():
        case()
        print("ok", name.removeprefix("test_").replace("_", " "))
    print(len(cases), "cases")
    return 0
