//! Judges a ticker of a tree of downloads: what is expected is held against what stands there.
//! Pure.

mod days;
mod piles;

use std::path::Path;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::dataset::recorded::{Record, RecordedFile};
use shared::dataset::trust::Trust;
use shared::market::ticker::Ticker;
use shared::market::zone::Zone;
use shared::run::thousands::counted;

use self::days::{Days, Evident};
use self::piles::Piles;
use super::evidence::{Evidence, LedgerEvidence};
use super::expectation::{Expectation, Expected};
use super::finding::Finding;
use super::judged::{Judged, Judgement};
use super::listed::Listed;
use super::rule::{Rule, Rules};
use super::state::State;
use super::tree_kind::TreeKind;
use super::walk::{Found, Odd, OddKind};

/// What is asked about every ticker of a tree.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// On which days rows are expected.
    pub expectation: &'a Expectation,
    /// Which answers count.
    pub trust: &'a Trust,
    /// Which rules are on.
    pub rules: &'a Rules,
    /// Where the tree is.
    pub root: &'a Path,
    /// In which zone its days are.
    pub zone: Zone,
}

/// How a file stands against what is recorded of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum FileState {
    /// As long as recorded.
    Sound,
    /// Not so.
    Bad(Rule, String),
    /// Nothing is recorded of the file that stands there.
    Untold,
    /// Nothing is recorded, and nothing stands there.
    None,
}

/// Judges `ticker`, of which there is `evidence`.
pub fn judge(
    question: &Question<'_>,
    ticker: &Ticker,
    listed: Listed,
    evidence: &Evidence,
) -> Judged {
    let expectation = question.expectation;
    let mut judging = Judging {
        question,
        ticker,
        listed: listed.within(expectation.days),
        evident: Evident::of(evidence.records(), listed, question.zone, expectation.kind),
        is_unusable: false,
        judged: Judged::nothing(expectation.months),
        piles: Piles::default(),
    };
    if let LedgerEvidence::Unusable { rule, why } = &evidence.ledger {
        judging.unusable(*rule, why);
    }
    judging.walk(evidence);
    if let Some(standing) = &evidence.standing {
        standing.odd.iter().for_each(|odd| judging.odd(odd));
    }
    judging.finish()
}

struct Judging<'a> {
    question: &'a Question<'a>,
    ticker: &'a Ticker,
    /// The days on which it may have been listed.
    listed: Option<DateRange>,
    evident: Evident,
    /// Its ledger proves nothing, whatever stands there.
    is_unusable: bool,
    judged: Judged,
    piles: Piles,
}

impl<'a> Judging<'a> {
    fn tree(&self) -> TreeKind {
        self.question.expectation.kind.into()
    }

    fn finding(&self, rule: Rule, reason: impl Into<String>) -> Finding {
        Finding::new(self.tree(), rule, reason).of(self.ticker)
    }

    fn file(&self, partition: Partition) -> std::path::PathBuf {
        partition.file(self.question.root, self.ticker, self.question.expectation.kind)
    }

    fn unusable(&mut self, rule: Rule, why: &str) {
        self.is_unusable = true;
        self.piles.doubt();
        let ledger = self.question.root.join(self.ticker.as_str()).join("_ledger.jsonl");
        let finding = self.finding(rule, why).at(ledger);
        self.judged.findings.push(finding);
    }

    /// Expected partitions, records and files are each in the order of time.
    fn walk(&mut self, evidence: &Evidence) {
        let mut records = evidence.records();
        let mut files = evidence.standing.as_ref().map_or(&[][..], |it| it.files.as_slice());
        let expectation: &'a Expectation = self.question.expectation;
        for expected in &expectation.partitions {
            let partition = expected.partition;
            while let Some(next) = first_of(records, files).filter(|next| *next < partition) {
                let (record, found) = take(&mut records, &mut files, next);
                self.unexpected(next, record, found);
            }
            let (record, found) = take(&mut records, &mut files, partition);
            self.expected(expected, record, found);
        }
        while let Some(next) = first_of(records, files) {
            let (record, found) = take(&mut records, &mut files, next);
            self.unexpected(next, record, found);
        }
    }

    fn expected(&mut self, expected: &Expected, record: Option<&Record>, found: Option<&Found>) {
        let partition = expected.partition;
        let file = file_state(record.and_then(|record| record.file.as_ref()), found);
        let listed = self.listed.and_then(|listed| expected.days.intersection(listed));
        if let (Some(days), Some(record), FileState::Sound) = (listed, record, &file)
            && days == expected.days
            && self.is_plainly_proven(days, record)
            && self.rows_of(record).is_none_or(|rows| rows.intersection(days) == Some(days))
        {
            self.judged.mark(expected.months.clone(), State::Covered);
            self.covered(record);
            self.judged.partitions.push(Judgement { partition, state: State::Covered });
            return;
        }
        if self.is_unusable && found.is_some() {
            self.judged.mark(expected.months.clone(), State::Damaged);
            self.judged.partitions.push(Judgement { partition, state: State::Damaged });
            return;
        }
        self.by_days(expected, listed, record, &file);
    }

    /// One believed answer has rows for all of `days`: so it is of nearly every partition.
    fn is_plainly_proven(&self, days: DateRange, record: &Record) -> bool {
        use shared::dataset::answers::Said;
        let [answer] = record.answers.as_slice() else { return false };
        let believed = self.question.trust.believed(answer);
        answer.said == Said::Data
            && believed.is_some_and(|it| it.from() <= days.from() && days.to() <= it.to())
    }

    /// A year of daily bars has rows from its first bar to its last, whatever days one answer
    /// covers.
    fn rows_of(&self, record: &Record) -> Option<DateRange> {
        let kind = self.question.expectation.kind;
        let file = record.file.as_ref().filter(|_| kind == Kind::Daily)?;
        days::of_rows(file, self.question.zone, kind)
    }

    /// Counts the rows of a file, unless none of them is of the days asked about.
    fn covered(&mut self, record: &Record) {
        let asked = self.question.expectation.days;
        if self.rows_of(record).is_some_and(|rows| rows.intersection(asked).is_none()) {
            return;
        }
        if let Some(file) = &record.file {
            self.judged.rows = self.judged.rows.saturating_add(file.rows);
            self.judged.bytes = self.judged.bytes.saturating_add(file.bytes);
        }
    }

    /// The long way, day by day.
    fn by_days(
        &mut self,
        expected: &Expected,
        listed: Option<DateRange>,
        record: Option<&Record>,
        file: &FileState,
    ) {
        let partition = expected.partition;
        let rows = record.filter(|_| file == &FileState::Sound).and_then(|it| self.rows_of(it));
        let days = Days::of(expected, listed, record, rows, self.question.trust, &self.evident);
        let sessions = &self.question.expectation.sessions;
        let has_rows = file == &FileState::Sound && sessions.count(&days.data) > 0;
        // Sessions of such a year on which nobody traded are no gap.
        let is_year_with_rows = has_rows && rows.is_some();
        let mut parts = days.parts(file == &FileState::Untold);
        match file {
            FileState::Bad(rule, reason) => {
                // Its rows are those that are not there.
                parts.retain(|(state, _)| *state != State::Covered);
                parts.push((rule.state(), days.data.clone()));
                let finding = self.finding(*rule, reason.clone()).in_partition(partition);
                let finding = Finding {
                    days: sessions.ranges(&days.data).first().copied().or(finding.days),
                    ..finding
                };
                self.judged.findings.push(finding.at(self.file(partition)));
            }
            FileState::Untold => {
                self.untold(partition, &days, record);
            }
            FileState::Sound => record.into_iter().for_each(|it| self.covered(it)),
            FileState::None => {}
        }
        let mut worst = None;
        for (state, part) in parts.iter().filter(|(_, part)| sessions.count(part) > 0) {
            self.mark_months(expected, *state, part, is_year_with_rows.then_some(&days.data));
            worst = worst.max(Some(*state));
        }
        if worst == Some(State::EmptyConfirmed) && has_rows {
            // It has rows: that some of its days have none is what the source says of them.
            worst = Some(State::Covered);
        }
        self.pile(&days, file == &FileState::Untold, is_year_with_rows);
        let answered = record.map_or_else(Coverage::empty, |record| record.days(|_| true));
        if !answered.intersection(&days.unproven).is_empty() {
            self.piles.doubt();
        }
        let state = worst.unwrap_or(State::OutsideListing);
        self.judged.partitions.push(Judgement { partition, state });
    }

    /// Months with a day of `part` are `state`; where only those without rows are, a month with a
    /// day of `data` is not.
    fn mark_months(
        &mut self,
        expected: &Expected,
        state: State,
        part: &Coverage,
        data: Option<&Coverage>,
    ) {
        let expectation: &'a Expectation = self.question.expectation;
        let sessions = &expectation.sessions;
        for month in expected.months.clone() {
            let of_month: Coverage = expectation.months.days(month).into();
            let touches = |days: &Coverage| sessions.count(&days.intersection(&of_month)) > 0;
            let is_traded = state == State::EmptyConfirmed && data.is_some_and(touches);
            if touches(part) && !is_traded {
                self.judged.mark(month..month + 1, state);
            }
        }
    }

    /// What concerns many partitions is told once for all that follow each other.
    fn pile(&mut self, days: &Days, is_untold: bool, is_year_with_rows: bool) {
        if !is_untold {
            self.piles.add(Rule::NoProof, &days.unproven);
        }
        if !is_untold && !is_year_with_rows {
            self.piles.add(Rule::NothingTraded, &days.empty);
        }
        self.piles.add(Rule::LostRows, &days.lost);
        self.piles.add(Rule::OutsidePlan, &days.outside_plan);
    }

    /// A file stands there that no line proves. An answer that there are no rows is not believed
    /// then: its writer died before it wrote the line.
    fn untold(&mut self, partition: Partition, days: &Days, record: Option<&Record>) {
        let concerned = days.unproven.union(&days.empty);
        let concerned = if concerned.is_empty() { partition.span().into() } else { concerned };
        let file = self.file(partition);
        if record.is_none() {
            self.piles.add_file(Rule::NoLedgerLine, &concerned, file);
            return;
        }
        let reason = "a file stands there, and its ledger line says that there are no rows: the \
                      writer died before it wrote the line; `start --resume` fetches it again";
        let finding = self.finding(Rule::NoLedgerLine, reason).in_partition(partition).at(file);
        self.judged.findings.push(finding);
    }

    /// Nothing is expected of this partition: what stands there is looked at if it was asked about.
    fn unexpected(&mut self, partition: Partition, record: Option<&Record>, found: Option<&Found>) {
        if partition.span().intersection(self.question.expectation.days).is_none() {
            return;
        }
        match file_state(record.and_then(|record| record.file.as_ref()), found) {
            FileState::Sound => {
                if let Some(record) = record {
                    self.covered(record);
                }
                let state = State::Covered;
                self.judged.partitions.push(Judgement { partition, state });
            }
            FileState::Bad(rule, reason) => {
                let finding = self.finding(rule, reason).in_partition(partition);
                self.judged.find(finding.at(self.file(partition)));
            }
            FileState::Untold => {
                let finding = self.finding(
                    Rule::NoLedgerLine,
                    "a file stands there that no ledger line proves, on days without a session",
                );
                self.judged.find(finding.in_partition(partition).at(self.file(partition)));
            }
            FileState::None => {}
        }
    }

    fn odd(&mut self, odd: &Odd) {
        let (rule, reason) = match &odd.what {
            OddKind::Stray => (
                Rule::StrayFile,
                "no ledger line tells of it; whoever reads the folder reads it too".to_owned(),
            ),
            OddKind::StrayFolder(files) => (
                Rule::StrayFile,
                format!("a folder that does not belong there, with {files} Parquet files"),
            ),
            OddKind::Link => (
                Rule::Link,
                "it is a link: nothing is written through links; put what it leads to in its place"
                    .to_owned(),
            ),
            OddKind::Draft => (
                Rule::DraftLeft,
                "a writer that was killed has left it; the next one removes it".to_owned(),
            ),
            OddKind::Unreadable(why) => (Rule::Unreadable, format!("it can not be listed: {why}")),
        };
        if !self.question.rules.is_on(rule) {
            return;
        }
        let mut finding = self.finding(rule, reason).at(odd.path.clone());
        if let Some(partition) = odd.place.partition(self.question.expectation.kind) {
            let asked = self.question.expectation.days;
            if partition.span().intersection(asked).is_none() {
                return;
            }
            finding = finding.in_partition(partition);
        }
        self.judged.find(finding);
    }

    fn finish(mut self) -> Judged {
        let sessions = &self.question.expectation.sessions;
        let kind = self.question.expectation.kind;
        let new = |rule, reason: String| Finding::new(kind.into(), rule, reason).of(self.ticker);
        self.judged.findings.extend(self.piles.findings(sessions, kind, new));
        self.judged
    }
}

fn first_of(records: &[Record], files: &[(Partition, Found)]) -> Option<Partition> {
    let record = records.first().map(|record| record.partition);
    let file = files.first().map(|(partition, _)| *partition);
    match (record, file) {
        (Some(record), Some(file)) => Some(record.min(file)),
        (one, other) => one.or(other),
    }
}

/// What is recorded and found of `partition`, if that comes next.
fn take<'a>(
    records: &mut &'a [Record],
    files: &mut &'a [(Partition, Found)],
    partition: Partition,
) -> (Option<&'a Record>, Option<&'a Found>) {
    let record = records.split_first().filter(|(first, _)| first.partition == partition);
    let file = files.split_first().filter(|((first, _), _)| *first == partition);
    if let Some((_, rest)) = record {
        *records = rest;
    }
    if let Some((_, rest)) = file {
        *files = rest;
    }
    (record.map(|(first, _)| first), file.map(|((_, found), _)| found))
}

fn file_state(recorded: Option<&RecordedFile>, found: Option<&Found>) -> FileState {
    let Some(recorded) = recorded else {
        return if found.is_some() { FileState::Untold } else { FileState::None };
    };
    match found {
        Some(Found::File { bytes, .. }) if *bytes == recorded.bytes => FileState::Sound,
        Some(Found::File { bytes, .. }) => FileState::Bad(
            Rule::WrongLength,
            format!("{bytes} bytes where the ledger says {}", recorded.bytes),
        ),
        Some(Found::NotAFile(what)) => {
            FileState::Bad(Rule::NotAFile, format!("{what} stands in the place of the file"))
        }
        Some(Found::Unreadable(why)) => FileState::Bad(Rule::Unreadable, why.clone()),
        None => FileState::Bad(
            Rule::FileGone,
            format!("the file that the ledger records is gone ({})", counted(recorded.rows, "row")),
        ),
    }
}

#[cfg(test)]
mod tests;
