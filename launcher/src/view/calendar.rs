//! The sessions of a range of days, as text, CSV and JSON. Pure.

use jiff::Timestamp;
use serde::Serialize;
use shared::dataset::coverage::DateRange;
use shared::market::session::{Session, sessions};
use shared::market::special_days::{SPECIAL_DAYS, SpecialDay, SpecialHours};
use shared::market::trading_day::{NEW_YORK, TradingDay};

use super::words::counted;

/// In earlier years the exchange kept other holidays than the rules say.
const RIGHT_SINCE: i16 = 1998;

/// The sessions of some days, and what was special among these days.
#[derive(Debug, Serialize)]
pub struct Calendar {
    from: TradingDay,
    to: TradingDay,
    sessions: Vec<Line>,
    special_days: Vec<Special>,
}

/// One session.
#[derive(Debug, Serialize)]
struct Line {
    date: TradingDay,
    session: &'static str,
    open_new_york: String,
    close_new_york: String,
    open_utc: Timestamp,
    close_utc: Timestamp,
}

/// A day that no rule foretells.
#[derive(Debug, Serialize)]
struct Special {
    date: String,
    what: String,
    why: &'static str,
    source: &'static str,
}

impl Calendar {
    /// Of all days from the first to the last.
    pub fn of(days: DateRange) -> Self {
        let (from, to) = (days.from(), days.to());
        let is_inside = |it: &&SpecialDay| (from.date()..=to.date()).contains(&it.day);
        Self {
            from,
            to,
            sessions: sessions(from, to).map(|(day, session)| Line::of(day, session)).collect(),
            special_days: SPECIAL_DAYS.iter().filter(is_inside).map(Special::of).collect(),
        }
    }
}

impl Line {
    fn of(date: TradingDay, session: Session) -> Self {
        let (opens, closes) = (session.regular_open(date), session.regular_close(date));
        let name = match session {
            Session::Full => "full",
            Session::Half => "half",
        };
        let (open_new_york, close_new_york) = (new_york(opens), new_york(closes));
        let (open_utc, close_utc) = (opens, closes);
        Self { date, session: name, open_new_york, close_new_york, open_utc, close_utc }
    }
}

impl Special {
    fn of(it: &SpecialDay) -> Self {
        let what = match it.hours {
            SpecialHours::Closed => "closed".to_owned(),
            SpecialHours::Half => "closed at 13:00".to_owned(),
            SpecialHours::OpensAt(late) => format!("opened at {}", late.strftime("%H:%M")),
        };
        Self { date: it.day.to_string(), what, why: it.why, source: it.source }
    }
}

/// `2024-07-03T09:30:00-04:00`.
fn new_york(at: Timestamp) -> String {
    at.to_zoned(NEW_YORK.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A line a session, then how many there are and what was special.
pub fn text(calendar: &Calendar) -> String {
    let mut lines = Vec::new();
    if !calendar.sessions.is_empty() {
        lines.push("date            session  New York     UTC".to_owned());
    }
    for line in &calendar.sessions {
        // `T09:30` inside an instant of New York.
        let local = |at: &str| at[11..16].to_owned();
        let utc = |at: Timestamp| at.strftime("%H:%M").to_string();
        lines.push(format!(
            "{} {}  {:<7}  {}-{}  {}-{}",
            line.date,
            line.date.date().strftime("%a"),
            line.session,
            local(&line.open_new_york),
            local(&line.close_new_york),
            utc(line.open_utc),
            utc(line.close_utc),
        ));
    }
    let half = calendar.sessions.iter().filter(|line| line.session == "half").count();
    let sessions = counted(calendar.sessions.len() as u64, "session");
    let half = match half {
        0 => String::new(),
        1 => ", 1 of them a half day".to_owned(),
        some => format!(", {some} of them half days"),
    };
    lines.push(format!("{sessions} from {} to {}{half}", calendar.from, calendar.to));
    for Special { date, what, why, source } in &calendar.special_days {
        lines.push(format!("{date} {what}: {why} ({source})"));
    }
    if calendar.from.year() < RIGHT_SINCE {
        lines.push(format!(
            "note: before {RIGHT_SINCE} the exchange kept other holidays; sessions may be wrong there"
        ));
    }
    lines.join("\n") + "\n"
}

/// A line a session under a header; instants as RFC 3339.
pub fn csv(calendar: &Calendar) -> String {
    let header = "date,session,open_new_york,close_new_york,open_utc,close_utc".to_owned();
    let line = |line: &Line| {
        let Line { date, session, open_new_york, close_new_york, open_utc, close_utc } = line;
        format!("{date},{session},{open_new_york},{close_new_york},{open_utc},{close_utc}")
    };
    let lines: Vec<String> =
        std::iter::once(header).chain(calendar.sessions.iter().map(line)).collect();
    lines.join("\n") + "\n"
}

/// One object on one line.
pub fn json(calendar: &Calendar) -> String {
    serde_json::to_string(calendar).expect("a calendar is plain data") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(from: &str, to: &str) -> Calendar {
        let day = |text: &str| text.parse().expect(text);
        Calendar::of(DateRange::new(day(from), day(to)).expect("in order"))
    }

    #[test]
    fn text_shows_weekday_kind_and_hours_of_every_session_and_says_what_was_special() {
        assert_eq!(
            text(&calendar("2024-07-02", "2024-07-05")),
            "\
date            session  New York     UTC
2024-07-02 Tue  full     09:30-16:00  13:30-20:00
2024-07-03 Wed  half     09:30-13:00  13:30-17:00
2024-07-05 Fri  full     09:30-16:00  13:30-20:00
3 sessions from 2024-07-02 to 2024-07-05, 1 of them a half day
"
        );
        assert_eq!(
            text(&calendar("2012-10-27", "2012-10-29")),
            "\
0 sessions from 2012-10-27 to 2012-10-29
2012-10-29 closed: Hurricane Sandy (NYSE Euronext, 2012-10-28 and 2012-10-29; Nasdaq OMX, 2012-10-29)
"
        );
        let old = text(&calendar("1997-12-31", "1997-12-31"));
        assert!(
            old.ends_with(
                "before 1998 the exchange kept other holidays; sessions may be wrong there\n"
            ),
            "{old}"
        );
        let late = text(&calendar("2002-09-11", "2002-09-11"));
        assert!(late.contains("2002-09-11 Wed  full     12:00-16:00  16:00-20:00\n"), "{late}");
        assert!(late.contains("2002-09-11 opened at 12:00: first anniversary"), "{late}");
    }

    #[test]
    fn csv_has_open_and_close_as_instants_of_both_zones() {
        assert_eq!(
            csv(&calendar("2024-11-28", "2024-12-02")),
            "\
date,session,open_new_york,close_new_york,open_utc,close_utc
2024-11-29,half,2024-11-29T09:30:00-05:00,2024-11-29T13:00:00-05:00,2024-11-29T14:30:00Z,2024-11-29T18:00:00Z
2024-12-02,full,2024-12-02T09:30:00-05:00,2024-12-02T16:00:00-05:00,2024-12-02T14:30:00Z,2024-12-02T21:00:00Z
"
        );
    }

    #[test]
    fn json_has_the_same_keys_as_the_csv_and_the_special_days() {
        assert_eq!(
            json(&calendar("2025-01-09", "2025-01-10")),
            concat!(
                r#"{"from":"2025-01-09","to":"2025-01-10","sessions":[{"date":"2025-01-10","#,
                r#""session":"full","open_new_york":"2025-01-10T09:30:00-05:00","#,
                r#""close_new_york":"2025-01-10T16:00:00-05:00","#,
                r#""open_utc":"2025-01-10T14:30:00Z","close_utc":"2025-01-10T21:00:00Z"}],"#,
                r#""special_days":[{"date":"2025-01-09","what":"closed","#,
                r#""why":"mourning for President Carter","#,
                r#""source":"NYSE Group, 2024-12-30; Nasdaq, 2024-12-30"}]}"#,
                "\n"
            )
        );
    }
}
