//! `thin-mount serve`, the program.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "common/service.rs"]
mod service;
mod zdb_support;

use std::{
	io::{BufRead, BufReader, Read},
	process::{Child, Command, Stdio},
};
use zdb_support::{Client, Folders, Reply};

fn command(folders: &Folders, arguments: &[&str]) -> Command {
	let mut command = Command::new(env!("CARGO_BIN_EXE_thin-mount"));
	command
		.arg("serve")
		.arg("--data")
		.arg(folders.data())
		.arg("--index")
		.arg(folders.index())
		.args(arguments)
		.env_remove("NO_COLOR")
		.stdout(Stdio::piped())
		.stderr(Stdio::piped());
	command
}

/// Starts the program and answers its first line.
fn start(folders: &Folders, arguments: &[&str]) -> (Child, String) {
	let listen = ["--listen", "127.0.0.1:0"];
	let mut child = command(folders, arguments).args(listen).spawn().unwrap();
	let mut line = String::new();
	BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
	(child, line.trim_end().to_owned())
}

fn client(line: &str) -> Client {
	Client::connect(line.strip_prefix("listening on ").unwrap().parse().unwrap())
}

/// Stops the program with a signal and answers what it wrote to standard error.
fn stop(mut child: Child, signal: rustix::process::Signal) -> String {
	let process = rustix::process::Pid::from_child(&child);
	rustix::process::kill_process(process, signal).unwrap();
	let status = child.wait().unwrap();
	let mut errors = String::new();
	child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
	assert!(status.success(), "{status}: {errors}");
	errors
}

#[test]
fn it_says_where_it_listens_serves_and_stops() {
	let folders = Folders::new();
	for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
		let (child, line) = start(&folders, &[]);
		let mut client = client(&line);
		client.call(&["SET", "k", "value"]);
		assert_eq!(client.call(&["GET", "k"]), Reply::bulk("value"));
		assert_eq!(stop(child, signal), "");
		assert!(client.is_closed());
	}
}

#[test]
fn a_service_manager_is_told() {
	let folders = Folders::new();
	let place = tempfile::tempdir().unwrap();
	let manager = service::ServiceManager::new(place.path());
	let mut command = command(&folders, &["--listen", "127.0.0.1:0"]);
	manager.watch(&mut command);
	let mut child = command.spawn().unwrap();
	let ready = manager.told();
	assert!(ready.starts_with("READY=1\nSTATUS=listening on 127.0.0.1:"), "{ready}");
	let mut line = String::new();
	BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
	assert_eq!(format!("READY=1\nSTATUS={line}"), ready);
	assert_eq!(stop(child, rustix::process::Signal::TERM), "");
	assert_eq!(manager.told(), "STOPPING=1\n");
	// One that can't start is not ready.
	let mut refused = self::command(&folders, &["--listen", "256.0.0.1:1"]);
	manager.watch(&mut refused);
	assert_eq!(refused.output().unwrap().status.code(), Some(2));
	assert!(!manager.has_more());
}

#[test]
fn json_says_the_same() {
	let folders = Folders::new();
	let (child, line) = start(&folders, &["--json", "--read-only"]);
	// There is nothing to read yet: that is an error, in JSON too.
	let error: serde_json::Value = serde_json::from_str(&line).unwrap();
	assert_eq!(error["exit_code"], 2, "{line}");
	assert_eq!(child.wait_with_output().unwrap().status.code(), Some(2));

	let (child, line) = start(&folders, &["--json", "--admin", "x", "--protect", "--sync"]);
	let event: serde_json::Value = serde_json::from_str(&line).unwrap();
	assert_eq!(event["event"], "listening");
	let mut client = Client::connect(event["address"].as_str().unwrap().parse().unwrap());
	let words = "Namespace is in read-only mode";
	assert_eq!(client.call(&["SET", "k", "v"]), Reply::error(words));
	assert_eq!(client.call(&["SELECT", "default", "x"]), Reply::ok());
	assert_eq!(client.call(&["SET", "k", "v"]), Reply::bulk("k"));
	stop(child, rustix::process::Signal::TERM);
}

#[test]
fn what_it_cut_off_is_said() {
	let folders = Folders::new();
	let (child, line) = start(&folders, &[]);
	let mut first = client(&line);
	first.call(&["SET", "kept", "value"]);
	let whole = folders.data().join("default/d0").metadata().unwrap().len();
	first.call(&["SET", "torn", "value"]);
	stop(child, rustix::process::Signal::TERM);
	let data = folders.data().join("default/d0");
	std::fs::OpenOptions::new().write(true).open(&data).unwrap().set_len(whole + 7).unwrap();
	let (child, line) = start(&folders, &[]);
	let mut second = client(&line);
	assert_eq!(second.call(&["GET", "kept"]), Reply::bulk("value"));
	assert_eq!(second.call(&["GET", "torn"]), Reply::Nil);
	let said = stop(child, rustix::process::Signal::TERM);
	assert!(said.contains("cut off the end of a data file"), "{said}");
	assert!(said.contains("bytes=7"), "{said}");
	assert!(!said.contains('\u{1b}'), "colours where there is no terminal: {said}");
}

#[test]
fn errors_are_one_sentence_and_a_code() {
	let folders = Folders::new();
	for (arguments, expected) in [
		(&["--protect"][..], "--admin"),
		(&["--datasize", "1"], "524288"),
		(&["--listen", "256.0.0.1:1"], "can't listen on 256.0.0.1:1"),
	] {
		let output = command(&folders, arguments).output().unwrap();
		let errors = String::from_utf8(output.stderr).unwrap();
		assert_eq!(output.status.code(), Some(2), "{errors}");
		assert!(errors.contains(expected), "{errors}");
		assert!(output.stdout.is_empty());
	}
}
