//! Promise: the page of a verify shows in a browser what the report says, however large it is, and
//! what stands in the data runs nothing there.

mod made;

use std::path::PathBuf;

use launcher::verify::report::html;
use serde_json::Value;
use tests::harness::chromium::Chromium;

use self::made::{everyone, twelve};

/// What `person.js` has seen of the page.
fn seen_by_a_person(chromium: &Chromium, page: &str) -> Value {
    // The page runs no script but its own: the policy has to go for this one.
    let (before, rest) = page.split_once("<meta http-equiv").expect("a policy");
    let (_, after) = rest.split_once('>').expect("its end");
    let (after, end) = after.rsplit_once("</body>").expect("a body");
    let person = include_str!("report_page/person.js");
    // In a block of its own: its names are not the page's.
    let page = format!("{before}{after}<script>{{{person}}}</script></body>{end}");
    let dom = chromium.dom(&chromium.keep("person.html", &page), "");
    let (_, rest) = dom
        .split_once(r#"<pre id="seen">"#)
        .unwrap_or_else(|| panic!("the person did not get to the end: {dom}"));
    let (seen, _) = rest.split_once("</pre>").expect("its end");
    let seen = seen.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&seen).expect("JSON")
}

/// The text of the `tag` with this id, without the tags in it.
fn text_of(dom: &str, tag: &str, id: &str) -> String {
    let (_, rest) =
        dom.split_once(&format!(r#"<{tag} id="{id}""#)).unwrap_or_else(|| panic!("no {id}"));
    let (_, rest) = rest.split_once('>').expect("a tag");
    let (inside, _) = rest.split_once(&format!("</{tag}>")).expect("its end");
    let mut is_tag = false;
    let inside = inside.chars().filter(|letter| {
        let was_tag = is_tag;
        is_tag = if is_tag { *letter != '>' } else { *letter == '<' };
        !is_tag && !was_tag
    });
    inside.collect()
}

#[test]
fn a_person_searches_sorts_filters_and_learns_the_reason_of_a_month() {
    let Some(chromium) = Chromium::find() else { return };
    let seen = seen_by_a_person(&chromium, &html::render(&twelve()));
    let text = |key: &str| seen[key].as_str().unwrap_or_else(|| panic!("{key}: {seen}")).to_owned();
    let first = |key: &str| text(key).split(", ").take(4).collect::<Vec<_>>().join(", ");

    let worst = "GOLF 3 bad months, ALFA 2 bad months, KILO 1 bad month, LIMA 1 bad month";
    assert_eq!(first("worstFirst"), worst, "damaged, then missing, then suspect");
    assert_eq!(first("byTicker"), "ALFA 2 bad months, BRAVO, CHARLIE, DELTA");
    assert_eq!(first("byMissing"), "ALFA 2 bad months, GOLF 3 bad months, KILO 1 bad month, BRAVO");
    assert_eq!(seen["colours"], serde_json::json!(["missing", "damaged", "damaged"]));

    assert_eq!(text("searched"), "GOLF 3 bad months", "any case");
    assert_eq!(text("shown"), "1 of 12 tickers");
    assert_eq!(text("nobody"), "no ticker");
    assert_eq!(text("onlySuspect"), "LIMA 1 bad month");

    assert!(text("tip").contains("GOLF 2022-05: damaged"), "{}", text("tip"));
    assert!(text("tip").contains("is 17 bytes long instead of 4,096"), "{}", text("tip"));
    assert!(text("panel").contains("GOLF2022-05: damaged"), "{}", text("panel"));
    let articles = seen["articles"].as_array().expect("articles");
    assert_eq!(articles.len(), 1, "{articles:?}");
    let said = articles[0].as_str().expect("text");
    for part in ["wrong-length", "2022-05", "GOLF/year=2022/month=05/minute.parquet"] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(text("address"), "#ticker=GOLF&month=2022-05");
    assert!(text("right").contains("GOLF2022-06: damaged"), "{}", text("right"));
    assert!(text("back").contains("findings"), "{}", text("back"));
    let other = text("otherTree");
    assert!(other.starts_with("All 2 trees: Damaged. daily: Complete:"), "{other}");
    assert_eq!((&seen["isAlarmed"], &seen["isWide"]), (&false.into(), &true.into()));
}

#[test]
fn the_page_as_it_is_written_opens_at_what_its_address_names_and_runs_nothing_of_the_data() {
    let Some(chromium) = Chromium::find() else { return };
    let page = chromium.keep("page.html", &html::render(&twelve()));
    let dom = chromium.dom(&page, "search=golf&ticker=GOLF&month=2022-04");
    assert!(dom.contains("data-ready="), "its own script runs, whatever the policy forbids");
    assert_eq!(text_of(&dom, "output", "shown"), "1 of 12 tickers");
    let panel = text_of(&dom, "aside", "panel");
    assert!(panel.contains("2022-04: missing"), "{panel}");
    assert!(panel.contains("&lt;img src=x onerror=alarmed=1&gt;"), "{panel}");
    let dom = chromium.dom(&page, "tree=nonsense&only=nonsense&month=nonsense&sort=constructor");
    assert_eq!(text_of(&dom, "output", "shown"), "12 of 12 tickers");
    let about = text_of(&dom, "p", "about");
    assert!(about.contains("/data/minute"), "{about}");
}

#[test]
fn a_market_of_8_686_tickers_and_262_months_fits_into_8_mb_and_can_be_searched() {
    let Some(chromium) = Chromium::find() else { return };
    let page = html::render(&everyone());
    assert!(page.len() <= 8_000_000, "{} bytes", page.len());
    let dom = chromium.dom(&chromium.keep("page.html", &page), "search=T08000");
    assert_eq!(text_of(&dom, "output", "shown"), "1 of 8,686 tickers");
    eprintln!("{} bytes, usable after {} ms", page.len(), milliseconds(&dom));
}

#[test]
#[ignore = "measures time: scripts/soak"]
fn a_market_of_8_686_tickers_and_262_months_is_usable_within_2_s() {
    let Some(chromium) = Chromium::find() else { return };
    let page = chromium.keep("page.html", &html::render(&everyone()));
    let ready = milliseconds(&chromium.dom(&page, ""));
    eprintln!("usable after {ready} ms");
    assert!(ready <= 2_000, "{ready} ms");
}

/// From the opening of the page until it could be used.
fn milliseconds(dom: &str) -> u64 {
    let (_, rest) = dom.split_once("data-ready=\"").expect("it got ready");
    let (number, _) = rest.split_once('"').expect("its end");
    number.parse().expect("a number")
}

/// `PICTURES=folder cargo nextest run -p tests report_page::pictures --run-ignored only`
#[test]
#[ignore = "draws for people: PICTURES names the folder"]
fn pictures() {
    let Some(folder) = std::env::var_os("PICTURES").map(PathBuf::from) else { return };
    let Some(chromium) = Chromium::find() else { return };
    for (name, report) in [("twelve", twelve()), ("everyone", everyone())] {
        let page = html::render(&report);
        std::fs::write(folder.join(format!("{name}.html")), &page).expect("written");
        let page = chromium.keep("page.html", &page);
        chromium.picture(&page, "", (1440, 900), &folder.join(format!("{name}.png")));
    }
}
