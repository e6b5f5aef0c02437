//! What a document is made of. Texts are as they came, however hostile: each renderer cleans and escapes them for its place.

use crate::report::svg::Drawing;

/// A report for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it is about, the one heading of the first level.
    pub title: String,
    /// What kind of report it is: `build report`.
    pub kind: &'static str,
    /// Sentences below the title.
    pub about: Vec<String>,
    /// What the reader should know first.
    pub notices: Vec<String>,
    /// What it comes to.
    pub verdict: Option<Verdict>,
    /// The figures that matter most.
    pub cards: Vec<Card>,
    /// Everything else, in order.
    pub sections: Vec<Section>,
    /// When it was made, ISO 8601 in UTC.
    pub generated_at: String,
}

/// Whether something is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It is.
    Good,
    /// It is not.
    Bad,
    /// Neither.
    Neutral,
}

/// The one thing to read.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether it is good news.
    pub tone: Tone,
    /// A character that says the same as the word.
    pub sign: &'static str,
    /// `Use it`.
    pub word: String,
    /// The sentence behind it.
    pub text: String,
    /// What it rests on, a sentence each.
    pub evidence: Vec<String>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// What it is.
    pub name: String,
    /// The figure with its unit.
    pub value: String,
    /// How it was got.
    pub note: String,
}

/// A part with a heading of the second level.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// What links to it are called; one of a kind.
    pub id: String,
    /// The heading.
    pub title: String,
    /// How to read it; may be empty.
    pub note: String,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// One piece of a section.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// A heading of the third level.
    Heading(String),
    /// Nothing is known; how to change that.
    NoRecords(String),
    /// A line to type.
    Command(String),
    /// Names with what they are.
    Facts(Vec<(String, String)>),
    /// One thing after the other.
    List(Vec<String>),
    /// A drawing and its figures.
    Chart(Box<Chart>),
    /// Figures.
    Table(Table),
}

/// A drawing with its figures as a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// For a wide page.
    pub desk: Drawing,
    /// For a telephone.
    pub hand: Option<Drawing>,
    /// For a sheet of paper.
    pub paper: Drawing,
    /// Everything that it shows.
    pub table: Table,
}

/// Rows and columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What it holds.
    pub caption: String,
    /// The columns; the first one names the row.
    pub columns: Vec<Column>,
    /// The rows, as many cells as columns each.
    pub rows: Vec<Line>,
}

/// The head of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// True for figures, which are set to the right.
    pub is_number: bool,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    /// Its cells.
    pub cells: Vec<Cell>,
    /// True for the row that the report is about.
    pub is_own: bool,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// The branches of a tree before the text: `├─ `.
    pub branch: String,
    /// The text.
    pub text: String,
    /// A second line, in small.
    pub small: String,
}

impl Section {
    /// A part with nothing in it yet.
    pub fn new(id: &str, title: &str, note: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            note: note.to_owned(),
            blocks: Vec::new(),
        }
    }
}

impl Table {
    /// An empty table; names that end in `#` are of columns of figures.
    pub fn new(caption: &str, columns: &[&str]) -> Self {
        Self {
            caption: caption.to_owned(),
            columns: columns
                .iter()
                .map(|name| Column {
                    name: name.trim_end_matches('#').to_owned(),
                    is_number: name.ends_with('#'),
                })
                .collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row of plain texts.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(Line {
            cells: cells.into_iter().map(Cell::from).collect(),
            is_own: false,
        });
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}
