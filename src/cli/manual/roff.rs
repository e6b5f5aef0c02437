//! The manual as pages for `man`, one a command.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::Roff;
use clap_mangen::roff::bold;
use clap_mangen::roff::roman;

use super::Page;

/// Every page as file name (`mlbuild-baseline-refresh.1`) and content, the program's first.
pub fn pages(tree: &Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    let pages = super::pages(tree);
    pages
        .iter()
        .map(|page| Ok((file_name(&page.title()), render(page)?)))
        .collect()
}

/// The file of a command's page, from its title.
pub fn file_name(title: &str) -> String {
    format!("{}.1", title.replace(' ', "-"))
}

/// One page.
fn render(page: &Page<'_>) -> io::Result<Vec<u8>> {
    let version = crate::VERSION;
    // Below the examples stand the sections that the parser does not know.
    let command = page.command.clone().after_help("").after_long_help("");
    let man = Man::new(command)
        .title(page.title().replace(' ', "-"))
        .source(format!("mlbuild {version}"))
        .manual("mlbuild manual");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if page.command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    tail(page).to_writer(&mut text)?;
    Ok(text)
}

fn tail(page: &Page<'_>) -> Roff {
    let mut roff = Roff::default();
    for remark in &page.remarks {
        roff.control("PP", []);
        roff.text([roman(remark.replace('\n', " "))]);
    }
    if page.command.get_subcommands().next().is_none() || page.path.is_empty() {
        roff.control("SH", ["EXIT STATUS"]);
        for (code, meaning) in page.exit_codes() {
            roff.control("TP", []);
            roff.text([bold(code.to_string())]);
            roff.text([roman(meaning)]);
        }
    }
    if !page.examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        roff.control("nf", []);
        for example in &page.examples {
            roff.text([roman(example.as_str())]);
        }
        roff.control("fi", []);
    }
    if let Some((above, _)) = page.title().rsplit_once(' ') {
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold(above.replace(' ', "-")), roman("(1)")]);
    }
    roff
}
