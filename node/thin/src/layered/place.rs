//! Where in an image a value lies: for whoever has to find out whose fault a wrong one is.

use std::fmt;
use thin_mount::{chunk::ChunkId, image::ImageId};

/// How many tables are named. More than one of each level overlap in level 0 alone.
const SHOWN: usize = 4;

/// The tables that the value of a key is in, or would be. RocksDB doesn't say which of them it was: one
/// alone is named where that was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
	/// Those whose range has the key, the one first in which it is looked for first.
	pub tables: Vec<Table>,
	/// The image, if they are of one.
	pub origin: Option<Origin>,
}

/// A table of RocksDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
	/// Its name.
	pub name: String,
	/// Its level.
	pub level: i32,
	/// What the image has under that name, where it was asked.
	pub content: Option<Content>,
}

/// A file of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
	/// The root of its blob: of a small file, its only chunk.
	pub root: ChunkId,
	/// How many chunks of data it has.
	pub chunks: u64,
	/// Those of them that hold the value, where that was found out. More than one when the block of
	/// the table that has it goes on in the next.
	pub of_value: Vec<ChunkId>,
}

/// An image, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
	/// Which one.
	pub image: ImageId,
	/// The stores that it is read from.
	pub stores: Vec<String>,
}

impl Place {
	/// The value is in this file, in these chunks.
	pub(crate) fn found(&mut self, file: &str, chunks: Vec<ChunkId>) {
		// Other files than tables hold no values that a node of today writes.
		let Some(mut table) = self.tables.iter().find(|table| table.name == file).cloned() else {
			return;
		};
		if let Some(content) = &mut table.content {
			content.of_value = chunks;
		}
		self.tables = vec![table];
	}
}

impl fmt::Display for Place {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("Its place is ")?;
		if self.tables.is_empty() {
			f.write_str("the log, as no table reaches so far")?;
		}
		for (index, table) in self.tables.iter().take(SHOWN).enumerate() {
			let or = if index > 0 { " or " } else { "" };
			write!(f, "{or}{table}")?;
		}
		if self.tables.len() > SHOWN {
			write!(f, " or one of {} more", self.tables.len() - SHOWN)?;
		}
		match &self.origin {
			Some(origin) => write!(f, ", {origin}"),
			None => Ok(()),
		}
	}
}

impl fmt::Display for Table {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { name, level, content } = self;
		write!(f, "file {name} (level {level}")?;
		if let Some(content) = content {
			write!(f, ", {content}")?;
		}
		f.write_str(")")
	}
}

impl fmt::Display for Content {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { root, chunks, of_value } = self;
		match (&of_value[..], chunks) {
			([chunk], _) => write!(f, "chunk {chunk}"),
			([first, last], _) => write!(f, "chunks {first} and {last}"),
			([first, .., last], _) => {
				write!(f, "{} chunks, from {first} to {last}", of_value.len())
			},
			([], 0 | 1) => write!(f, "chunk {root}"),
			([], _) => write!(f, "{chunks} chunks under {root}"),
		}
	}
}

impl fmt::Display for Origin {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "of image {}", self.image)?;
		match &self.stores[..] {
			[] => Ok(()),
			stores => write!(f, ", which comes from {}", stores.join(", ")),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{
		columns,
		layered::{ImageDatabase, RawDatabase},
	};
	use rocksdb::{Options, WriteBatch, DB};

	fn table(name: &str, level: i32) -> Table {
		Table { name: name.into(), level, content: None }
	}

	#[test]
	fn tables_are_named_as_they_are_looked_at() {
		let home = tempfile::tempdir().unwrap();
		let path = home.path().join("full");
		let names: Vec<String> = (0..columns::SDK_COLUMNS).map(columns::rocksdb_name).collect();
		let mut options = Options::default();
		options.create_if_missing(true);
		options.create_missing_column_families(true);
		options.set_disable_auto_compactions(true);
		let db = DB::open_cf(&options, &path, &names).unwrap();
		let column = db.cf_handle(&names[columns::STATE as usize]).unwrap();
		let other = db.cf_handle(&names[columns::BODY as usize]).unwrap();
		let write = |family, keys: [&[u8]; 2]| {
			let mut batch = WriteBatch::default();
			for key in keys {
				batch.put_cf(family, key, b"value");
			}
			db.write(batch).unwrap();
			db.flush_cf(family).unwrap();
		};
		write(column, [b"a", b"m"]);
		db.compact_range_cf(column, None::<&[u8]>, None::<&[u8]>);
		write(column, [b"c", b"p"]);
		write(column, [b"b", b"d"]);
		write(other, [b"a", b"z"]);
		drop(db);
		let image = ImageDatabase::open(&path, home.path()).unwrap();
		let found = |key: &[u8]| {
			let levels = |table: Table| (table.level, table.name);
			let place = image.place(columns::STATE, key).unwrap();
			place.tables.into_iter().map(levels).collect::<Vec<_>>()
		};
		let of_c = found(b"c");
		let levels: Vec<bool> = of_c.iter().map(|(level, _)| *level > 0).collect();
		assert_eq!(levels, [false, false, true], "{of_c:?}");
		// Of level 0 the newer one first.
		assert!(of_c[0].1 > of_c[1].1);
		assert_eq!(found(b"p"), [of_c[1].clone()]);
		assert_eq!(found(b"a"), [of_c[2].clone()]);
		assert_eq!(found(b"q"), []);
	}

	#[test]
	fn a_place_is_said_in_words() {
		let id = |byte: u8| ChunkId([byte; 32]);
		let mut place = Place { tables: Vec::new(), origin: None };
		assert_eq!(place.to_string(), "Its place is the log, as no table reaches so far");
		place.tables = (1..=6).map(|number| table(&format!("{number}.sst"), 0)).collect();
		let content = |root, chunks| Some(Content { root: id(root), chunks, of_value: Vec::new() });
		place.tables[0].content = content(1, 1);
		place.tables[1].content = content(2, 70);
		let stores = vec!["zdb://a/one".into(), "zdb://b/two".into()];
		place.origin = Some(Origin { image: ImageId(id(3)), stores });
		assert_eq!(
			place.to_string(),
			format!(
				"Its place is file 1.sst (level 0, chunk {}) or file 2.sst (level 0, 70 chunks \
				 under {}) or file 3.sst (level 0) or file 4.sst (level 0) or one of 2 more, of \
				 image {}, which comes from zdb://a/one, zdb://b/two",
				id(1),
				id(2),
				id(3)
			)
		);

		// Once it is known in which of them it is.
		let mut said = |chunks: Vec<ChunkId>| {
			place.found("2.sst", chunks);
			place.origin = None;
			place.to_string()
		};
		let begin = "Its place is file 2.sst (level 0, ";
		assert_eq!(said(vec![id(4)]), format!("{begin}chunk {})", id(4)));
		assert_eq!(said(vec![id(4), id(5)]), format!("{begin}chunks {} and {})", id(4), id(5)));
		let three = format!("{begin}3 chunks, from {} to {})", id(4), id(6));
		assert_eq!(said(vec![id(4), id(5), id(6)]), three);
		place.found("another.sst", vec![id(7)]);
		assert_eq!(place.to_string(), three);
	}
}
