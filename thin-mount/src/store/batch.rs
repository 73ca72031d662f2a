//! What 0-db and Redis have in common: values are read by `MGET` and written by `SET`, in batches.

use super::{
	pool::Pool,
	wire::{Connection, Values, WireError},
	Key, StoreError,
};
use crate::chunk::{ChunkId, CHUNK_SIZE};
use bytes::Bytes;
use redis::Value;
use std::ops::Range;

/// Chunks in one `MGET`: 4 MiB, enough to make the round trip small beside the transfer.
const CHUNKS_PER_READ: usize = 64;
/// A chunk as it lies in a store, with room for what precedes its bytes.
const STORED_CHUNK: usize = CHUNK_SIZE + 1_024;
/// The largest value that 0-db takes.
pub(super) const MAX_VALUE: usize = 8 * 1024 * 1024;
pub(super) const MAX_KEY: usize = 255;
const QUESTIONS_PER_BATCH: usize = 256;
const WRITES_PER_BATCH: usize = 64;
const BYTES_PER_WRITE: usize = 1024 * 1024;
/// How many connections one call uses.
const WIDTH: usize = 4;

/// The values of these keys.
pub(super) fn get_many(pool: &Pool, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
	check_keys(pool, keys)?;
	// A named record may have 8 MiB, so records are asked for one by one.
	let is_chunk = |key: &Key| key.len() == size_of::<ChunkId>();
	let batches = split(keys, |range, key| {
		range.len() < CHUNKS_PER_READ && is_chunk(&keys[range.start]) && is_chunk(key)
	});
	let parts = in_parallel(&batches, |range| {
		let keys = &keys[range.clone()];
		let limit = match keys.first() {
			Some(key) if is_chunk(key) => keys.len() * STORED_CHUNK,
			_ => MAX_VALUE,
		};
		pool.with(|connection| read(connection, keys, limit))
	})?;
	Ok(parts.into_iter().flatten().collect())
}

/// What takes the values of these keys, if they are chunks that one command can ask for.
pub(super) fn values_of(keys: &[Key]) -> Option<Values> {
	let fits = (1..=CHUNKS_PER_READ).contains(&keys.len());
	let chunks = keys.iter().all(|key| key.len() == size_of::<ChunkId>());
	(fits && chunks).then(|| Values::new(keys.len(), keys.len() * STORED_CHUNK))
}

fn read(
	connection: &mut Connection,
	keys: &[Key],
	limit: usize,
) -> Result<Vec<Option<Bytes>>, WireError> {
	connection.send(&mget(keys))?;
	Ok(connection.values(Values::new(keys.len(), limit))?.into_vec())
}

pub(super) fn mget(keys: &[Key]) -> Vec<u8> {
	let mut command = redis::cmd("MGET");
	for key in keys {
		command.arg(key.as_ref());
	}
	command.get_packed_command()
}

/// Which of these keys have a value.
pub(super) fn has_many(pool: &Pool, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
	check_keys(pool, keys)?;
	let batches = split(keys, |range, _| range.len() < QUESTIONS_PER_BATCH);
	let parts = in_parallel(&batches, |range| {
		let keys = &keys[range.clone()];
		let mut packed = Vec::new();
		for key in keys {
			redis::cmd("EXISTS").arg(key.as_ref()).write_packed_command(&mut packed);
		}
		pool.with(|connection| {
			connection.send(&packed)?;
			keys.iter()
				.map(|_| match connection.answer(0) {
					Ok(Value::Int(count)) => Ok(count > 0),
					Ok(other) => Err(unexpected("EXISTS", &other)),
					// The answers that follow would be taken for answers to something else.
					Err(WireError::Server(words)) => Err(WireError::Broken(words)),
					Err(error) => Err(error),
				})
				.collect::<Result<Vec<_>, _>>()
		})
	})?;
	Ok(parts.into_iter().flatten().collect())
}

/// Stores values, none of them under a key that occurs twice. `options` follow the value in the
/// command; `settle` judges an answer that is an error.
pub(super) fn set_many(
	pool: &Pool,
	records: &[(Key, Bytes)],
	options: &[&str],
	settle: impl Fn(&(Key, Bytes), String) -> Result<(), StoreError> + Sync,
) -> Result<(), StoreError> {
	for (key, value) in records {
		check_keys(pool, std::slice::from_ref(key))?;
		if value.len() > MAX_VALUE {
			let length = value.len();
			let reason = format!("a value of {length} bytes: the most is {MAX_VALUE}");
			return Err(pool.refused(reason));
		}
	}
	let batches = split(records, |range, (_, value)| {
		let bytes: usize = records[range.clone()].iter().map(|(_, value)| value.len()).sum();
		range.len() < WRITES_PER_BATCH && bytes + value.len() <= BYTES_PER_WRITE
	});
	in_parallel(&batches, |range| {
		let records = &records[range.clone()];
		let mut packed = Vec::with_capacity(room(records));
		for (key, value) in records {
			let command = [&b"SET"[..], key.as_ref(), value.as_ref()];
			let options = options.iter().map(|option| option.as_bytes());
			write_command(&mut packed, command.into_iter().chain(options));
		}
		let answers = pool.with(|connection| {
			connection.send(&packed)?;
			let mut answers = Vec::with_capacity(records.len());
			for _ in records {
				match connection.answer(MAX_KEY) {
					Ok(_) => answers.push(None),
					Err(WireError::Server(words)) => answers.push(Some(words)),
					Err(error) => return Err(error),
				}
			}
			Ok(answers)
		})?;
		for (record, words) in records.iter().zip(answers) {
			if let Some(words) = words {
				settle(record, words)?;
			}
		}
		Ok(())
	})?;
	Ok(())
}

/// Enough for the commands that store these, so that their bytes are moved once.
fn room(records: &[(Key, Bytes)]) -> usize {
	/// The name of the command, options, the lengths of all parts.
	const AROUND: usize = 128;
	records.iter().map(|(key, value)| key.len() + value.len() + AROUND).sum()
}

/// A command as it goes over the wire.
fn write_command<'a>(packed: &mut Vec<u8>, parts: impl Iterator<Item = &'a [u8]> + Clone) {
	packed.extend_from_slice(format!("*{}\r\n", parts.clone().count()).as_bytes());
	for part in parts {
		packed.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
		packed.extend_from_slice(part);
		packed.extend_from_slice(b"\r\n");
	}
}

/// Deletes these keys, one command each. `settle` judges an answer that is an error.
pub(super) fn delete_many(
	pool: &Pool,
	keys: &[Key],
	settle: impl Fn(String) -> Result<(), StoreError> + Sync,
) -> Result<(), StoreError> {
	check_keys(pool, keys)?;
	for answer in ask_each(pool, "DEL", keys)? {
		if let Err(words) = answer {
			settle(words)?;
		}
	}
	Ok(())
}

/// The answers to a command of one key, for each of these in order: the server's words where it is
/// an error.
pub(super) fn ask_each(
	pool: &Pool,
	command: &str,
	keys: &[Key],
) -> Result<Vec<Result<Value, String>>, StoreError> {
	let batches = split(keys, |range, _| range.len() < QUESTIONS_PER_BATCH);
	let parts = in_parallel(&batches, |range| {
		let keys = &keys[range.clone()];
		let mut packed = Vec::new();
		for key in keys {
			redis::cmd(command).arg(key.as_ref()).write_packed_command(&mut packed);
		}
		pool.with(|connection| {
			connection.send(&packed)?;
			let mut answers = Vec::with_capacity(keys.len());
			for _ in keys {
				answers.push(match connection.answer(MAX_KEY) {
					Ok(value) => Ok(value),
					Err(WireError::Server(words)) => Err(words),
					Err(error) => return Err(error),
				});
			}
			Ok(answers)
		})
	})?;
	Ok(parts.into_iter().flatten().collect())
}

fn check_keys(pool: &Pool, keys: &[Key]) -> Result<(), StoreError> {
	match keys.iter().find(|key| key.is_empty() || key.len() > MAX_KEY) {
		None => Ok(()),
		Some(key) => {
			Err(pool.refused(format!("a key of {} bytes: it has 1 to {MAX_KEY}", key.len())))
		},
	}
}

pub(super) fn unexpected(command: &str, value: &Value) -> WireError {
	let kind = match value {
		Value::Nil => "nothing",
		Value::Int(_) => "a number",
		Value::BulkString(_) => "a string",
		Value::Array(_) => "an array of another length",
		_ => "something else",
	};
	WireError::Broken(format!("the answer to {command} is {kind}"))
}

/// Cuts a slice into runs: an item joins the run before it where `joins` says so.
fn split<T>(items: &[T], joins: impl Fn(&Range<usize>, &T) -> bool) -> Vec<Range<usize>> {
	let mut runs: Vec<Range<usize>> = Vec::new();
	for (at, item) in items.iter().enumerate() {
		match runs.last_mut() {
			Some(run) if joins(run, item) => run.end = at + 1,
			_ => runs.push(at..at + 1),
		}
	}
	runs
}

/// Does `work` for all batches, a few at a time, and gives the results in order.
fn in_parallel<T: Send>(
	batches: &[Range<usize>],
	work: impl Fn(&Range<usize>) -> Result<T, StoreError> + Sync,
) -> Result<Vec<T>, StoreError> {
	let Some((first, rest)) = batches.split_first() else { return Ok(Vec::new()) };
	if rest.is_empty() {
		return Ok(vec![work(first)?]);
	}
	let share = batches.len().div_ceil(WIDTH);
	let work = &work;
	std::thread::scope(|scope| {
		let threads: Vec<_> = batches
			.chunks(share)
			.map(|batches| {
				scope.spawn(move || batches.iter().map(work).collect::<Result<Vec<_>, _>>())
			})
			.collect();
		let mut results = Vec::with_capacity(batches.len());
		for thread in threads {
			match thread.join() {
				Ok(part) => results.extend(part?),
				Err(panic) => std::panic::resume_unwind(panic),
			}
		}
		Ok(results)
	})
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_command_is_written_as_the_protocol_has_it() {
		let parts: [&[u8]; 4] = [b"SET", b"\0key", b"", b"NX"];
		let mut expected = Vec::new();
		let mut command = redis::cmd("SET");
		parts[1..].iter().for_each(|part| {
			command.arg(*part);
		});
		command.write_packed_command(&mut expected);
		let mut packed = Vec::new();
		write_command(&mut packed, parts.into_iter());
		assert_eq!(packed, expected);
	}

	#[test]
	fn runs_cover_everything_in_order() {
		let items: Vec<usize> = (0..10).collect();
		assert_eq!(split(&items, |run, _| run.len() < 4), [0..4, 4..8, 8..10]);
		assert!(split(&items[..0], |_, _| true).is_empty());
		assert_eq!(split(&items[..3], |_, _| false), [0..1, 1..2, 2..3]);
	}

	#[test]
	fn parallel_results_keep_their_order() {
		let batches: Vec<_> = (0..23).map(|at| at..at + 1).collect();
		let starts = in_parallel(&batches, |range| Ok(range.start)).unwrap();
		assert_eq!(starts, (0..23).collect::<Vec<_>>());
	}
}
