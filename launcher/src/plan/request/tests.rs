use super::*;
use crate::cli::StartArgs;

fn settings(from: &str, to: &str) -> Settings {
    let args = StartArgs {
        job: Some(Job::Daily),
        tickers_csv: Some("small.csv".into()),
        outdir: Some("out".into()),
        from: Some(from.parse().expect(from)),
        to: Some(to.parse().expect(to)),
        ..StartArgs::default()
    };
    Settings::resolve(&args, Path::new("/home/me")).expect("complete")
}

fn request(from: &str, to: &str) -> Result<Request, RequestError> {
    let list = TickerList { tickers: vec!["AIG".parse().expect("a ticker")], repeated: Vec::new() };
    let input = Input { list, oddities: Oddities::default(), sha256: "00".to_owned() };
    let now = "2024-07-02T15:00:00Z".parse().expect("an instant");
    Request::new("ab12".to_owned(), now, settings(from, to), &input)
}

#[test]
fn the_range_ends_at_the_last_settled_day() {
    let clipped = request("2024-01-01", "2030-12-31").expect("some days are settled");
    assert_eq!(clipped.days().to_string(), "2024-01-01..2024-07-01");
    assert_eq!(
        clipped.covered_since(),
        Some(clipped.created_at),
        "not asked to trust what is there"
    );
}

#[test]
fn what_the_ledgers_tell_by_the_sources_clock_is_not_old_for_a_clock_that_is_ahead() {
    let now: Timestamp = "2024-07-02T15:00:00Z".parse().expect("an instant");
    let clocks = SourceClock::heard("Sun, 30 Jun 2024 15:00:00 GMT", now).expect("a date");
    let request = request("2024-01-01", "2030-12-31").expect("settled").settled_by(clocks, now);
    let request = request.expect("settled");
    assert_eq!(request.days().to_string(), "2024-01-01..2024-06-29");
    assert_eq!(
        request.trust(now, now).recheck_at,
        clocks.earlier(now),
        "an empty answer is a day old then"
    );
    assert_eq!(request.trust(now, now).now, now);
}

#[test]
fn a_range_that_lies_in_the_future_is_refused() {
    let error = request("2024-07-02", "2024-07-03").expect_err("nothing is settled");
    assert_eq!(
        error.to_string(),
        "no day from 2024-07-02 on is settled yet: the last one is 2024-07-01 (a day counts 15h after 20:00 New York, see --settle); choose an earlier --from"
    );
}

#[test]
fn where_nothing_was_said_few_sessions_of_many_tickers_are_one_batch() {
    let mut request = request("2024-06-03", "2024-06-14").expect("settled");
    assert_eq!(
        (request.by_session(), request.batching()),
        (None, Batching::Size(batches::DEFAULT_SIZE))
    );
    request.tickers = 300;
    assert_eq!(request.by_session(), None, "nobody asked for it");
    request.settings.via = shared::run::via::Via::Auto;
    assert_eq!(
        (request.by_session(), request.batching()),
        (Some(10), Batching::Shards(NonZeroU32::MIN))
    );
    request.settings.program = Program::Script("/bin/own".into());
    assert_eq!(request.by_session(), None);
    request.settings.program = Program::Worker;
    let said = Batching::Size(NonZeroU32::MIN);
    request.settings.batching = Some(said);
    assert_eq!((request.by_session(), request.batching()), (None, said));
}

#[test]
fn a_frozen_run_is_read_back_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let workdir = Workdir::new(folder.path());
    assert!(Request::read(&workdir).expect("read").is_none());
    let request = request("2024-01-01", "2024-06-28").expect("settled");
    let tickers = ["AIG".parse().expect("a ticker")];
    request.freeze(&workdir, &tickers).expect("frozen");
    assert_eq!(Request::read(&workdir).expect("read").as_ref(), Some(&request));
    assert_eq!(request.frozen_tickers(&workdir).expect("read"), tickers);
}

#[test]
fn a_run_that_makes_no_sense_is_refused_and_panics_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let workdir = Workdir::new(folder.path());
    let sound = request("2024-01-01", "2024-06-28").expect("settled");
    let backwards = Request { settled_to: "2023-12-31".parse().expect("a day"), ..sound.clone() };
    let mut without_order = sound;
    without_order.settings.job = Job::Bars;
    for (run, what) in [(backwards, "2023-12-31"), (without_order, "which")] {
        run.freeze(&workdir, &[]).expect("written");
        let error = Request::read(&workdir).expect_err("refused").to_string();
        assert!(error.contains("not a run of this launcher") && error.contains(what), "{error}");
    }
}

#[test]
fn the_list_of_an_extension_that_crashed_before_run_json_does_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let workdir = Workdir::new(folder.path());
    let request = request("2024-01-01", "2024-06-28").expect("settled");
    let longer: [Ticker; 2] = ["AIG", "BA"].map(|name| name.parse().expect("a ticker"));
    request.freeze(&workdir, &longer[..1]).expect("frozen");
    publish::publish(&frozen_list(&workdir), TickerList::text(&longer).as_bytes())
        .expect("the crash is next");
    assert_eq!(request.frozen_tickers(&workdir).expect("read"), longer[..1]);
    let extended = Request { tickers: 2, ..request };
    assert_eq!(extended.frozen_tickers(&workdir).expect("read"), longer);
    let said = Request { tickers: 3, ..extended }
        .frozen_tickers(&workdir)
        .expect_err("one is gone")
        .to_string();
    assert!(
        said.contains("tickers.csv: ") && said.contains("2 tickers where run.json says 3"),
        "{said}"
    );
}
