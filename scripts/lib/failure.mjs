// The ways a command ends that are no bug: each with its exit code.

/** The chain refused, or what was asked for isn't there. */
export class Refused extends Error {
	exitCode = 1;
}

/** Wrong usage, or something in the environment is missing: a file, a node that answers. */
export class Unusable extends Error {
	exitCode = 2;
}
