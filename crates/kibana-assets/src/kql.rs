//! The part of Kibana's query language that the source uses: its fields for the checks, its meaning for Elasticsearch.

use serde_json::{Value, json};

/// How deep parentheses and `not` may nest; a filter of ours needs about three.
const MAX_DEPTH: usize = 16;

/// A parsed query.
#[derive(Debug, Clone, PartialEq)]
pub enum Kql {
    /// Matches everything.
    All,
    /// All of them.
    And(Vec<Kql>),
    /// Any of them.
    Or(Vec<Kql>),
    /// Not this.
    Not(Box<Kql>),
    /// The field has a value.
    Exists(String),
    /// The field has this value; quoted ones are text whatever they look like.
    Is(String, String),
    /// The field's value compares so.
    Compares(String, Comparison, String),
}

/// A comparison of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    fn as_dsl(self) -> &'static str {
        match self {
            Self::Less => "lt",
            Self::AtMost => "lte",
            Self::Greater => "gt",
            Self::AtLeast => "gte",
        }
    }
}

/// What a query asks of one field.
#[derive(Debug, PartialEq)]
pub struct Use<'a> {
    /// The field.
    pub field: &'a str,
    /// Whether it is compared by size.
    pub is_compared: bool,
    /// The value, where it is asked for one.
    pub value: Option<&'a str>,
}

/// Parses a query; the empty one matches everything.
pub fn parse(text: &str) -> Result<Kql, String> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Kql::All);
    }
    let mut parser = Parser { tokens, at: 0 };
    let query = parser.any(0)?;
    match parser.peek() {
        None => Ok(query),
        Some(rest) => Err(format!("unexpected {rest:?} in the query {text:?}")),
    }
}

impl Kql {
    /// All uses of fields, in order.
    pub fn uses(&self) -> Vec<Use<'_>> {
        let (field, is_compared, value) = match self {
            Self::All => return Vec::new(),
            Self::And(all) | Self::Or(all) => return all.iter().flat_map(Self::uses).collect(),
            Self::Not(one) => return one.uses(),
            Self::Exists(field) => (field, false, None),
            Self::Is(field, value) => (field, false, Some(value.as_str())),
            Self::Compares(field, _, value) => (field, true, Some(value.as_str())),
        };
        vec![Use {
            field,
            is_compared,
            value,
        }]
    }

    /// The same question in Elasticsearch's query language.
    pub fn to_dsl(&self) -> Value {
        match self {
            Self::All => json!({"match_all": {}}),
            Self::And(all) => {
                let all: Vec<_> = all.iter().map(Self::to_dsl).collect();
                json!({"bool": {"filter": all}})
            }
            Self::Or(all) => {
                let all: Vec<_> = all.iter().map(Self::to_dsl).collect();
                json!({"bool": {"should": all, "minimum_should_match": 1}})
            }
            Self::Not(one) => json!({"bool": {"must_not": [one.to_dsl()]}}),
            Self::Exists(field) => json!({"exists": {"field": field}}),
            Self::Is(field, value) if value.contains('*') => {
                json!({"wildcard": {field: {"value": value}}})
            }
            Self::Is(field, value) => json!({"match_phrase": {field: value}}),
            Self::Compares(field, comparison, value) => {
                json!({"range": {field: {comparison.as_dsl(): value}}})
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(&'static str),
}

const SIGNS: [&str; 7] = ["(", ")", ":", "<=", ">=", "<", ">"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut rest = text.trim_start();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (token, after) = token(rest).ok_or_else(|| format!("a quote is open in {text:?}"))?;
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

/// The first token and what follows; nothing where a quote does not end.
fn token(rest: &str) -> Option<(Token, &str)> {
    if let Some(inside) = rest.strip_prefix('"') {
        let (text, after) = inside.split_once('"')?;
        return Some((Token::Quoted(text.to_owned()), after));
    }
    for sign in SIGNS {
        if let Some(after) = rest.strip_prefix(sign) {
            return Some((Token::Sign(sign), after));
        }
    }
    let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ':' | '<' | '>' | '"');
    let end = rest.find(ends).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    Some((Token::Word(word.to_owned()), after))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let is_it =
            matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted));
        self.at += usize::from(is_it);
        is_it
    }

    fn takes_sign(&mut self, wanted: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Sign(sign)) if *sign == wanted);
        self.at += usize::from(is_it);
        is_it
    }

    fn any(&mut self, depth: usize) -> Result<Kql, String> {
        if depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let mut all = vec![self.all(depth)?];
        while self.takes_word("or") {
            all.push(self.all(depth)?);
        }
        Ok(one_or(all, Kql::Or))
    }

    fn all(&mut self, depth: usize) -> Result<Kql, String> {
        let mut all = vec![self.one(depth)?];
        while self.takes_word("and") {
            all.push(self.one(depth)?);
        }
        Ok(one_or(all, Kql::And))
    }

    fn one(&mut self, depth: usize) -> Result<Kql, String> {
        if depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        if self.takes_word("not") {
            return Ok(Kql::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.takes_sign("(") {
            let inside = self.any(depth + 1)?;
            return self.closed(inside);
        }
        let field = self.word("a field")?;
        let signs = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        for (sign, comparison) in signs {
            if self.takes_sign(sign) {
                return Ok(Kql::Compares(field, comparison, self.word("a value")?));
            }
        }
        if !self.takes_sign(":") {
            return Err(format!("`:` or a comparison is missing after {field:?}"));
        }
        self.values(&field)
    }

    fn values(&mut self, field: &str) -> Result<Kql, String> {
        let is = |value: String| Kql::Is(field.to_owned(), value);
        if self.takes_sign("(") {
            let mut all = vec![is(self.word("a value")?)];
            while self.takes_word("or") {
                all.push(is(self.word("a value")?));
            }
            return self.closed(one_or(all, Kql::Or));
        }
        let is_quoted = matches!(self.peek(), Some(Token::Quoted(_)));
        let value = self.word("a value")?;
        match value.as_str() {
            "*" if !is_quoted => Ok(Kql::Exists(field.to_owned())),
            _ => Ok(is(value)),
        }
    }

    fn closed(&mut self, query: Kql) -> Result<Kql, String> {
        if self.takes_sign(")") {
            Ok(query)
        } else {
            Err("a parenthesis is not closed".to_owned())
        }
    }

    fn word(&mut self, what: &str) -> Result<String, String> {
        match self.next() {
            Some(Token::Word(word) | Token::Quoted(word)) => Ok(word),
            other => Err(format!("{what} is missing before {other:?}")),
        }
    }
}

fn one_or(mut all: Vec<Kql>, several: impl Fn(Vec<Kql>) -> Kql) -> Kql {
    if all.len() == 1 {
        all.remove(0)
    } else {
        several(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds_and_before_or_and_reads_lists_and_comparisons() {
        let query = parse(r#"a.b : "x y" and not c : (1 or 2) or d >= 0.5 and e : *"#).unwrap();
        let expected = json!({"bool": {"minimum_should_match": 1, "should": [
            {"bool": {"filter": [
                {"match_phrase": {"a.b": "x y"}},
                {"bool": {"must_not": [{"bool": {"minimum_should_match": 1, "should": [
                    {"match_phrase": {"c": "1"}}, {"match_phrase": {"c": "2"}}]}}]}}]}},
            {"bool": {"filter": [{"range": {"d": {"gte": "0.5"}}}, {"exists": {"field": "e"}}]}}]}});
        assert_eq!(query.to_dsl(), expected);
        let fields: Vec<_> = query
            .uses()
            .iter()
            .map(|u| (u.field, u.is_compared))
            .collect();
        let c = ("c", false);
        assert_eq!(fields, [("a.b", false), c, c, ("d", true), ("e", false)]);
    }

    #[test]
    fn says_what_is_wrong() {
        for broken in [
            "a",
            "a :",
            "a : (b",
            "a : \"b",
            "a : b c",
            "(a : b",
            "a : b and",
        ] {
            assert!(parse(broken).is_err(), "{broken}");
        }
        let deep = format!("{}a : b", "not ".repeat(1000));
        assert!(parse(&deep).is_err());
        assert_eq!(parse("  "), Ok(Kql::All));
    }
}
