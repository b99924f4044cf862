"""Define the errors: every problem that the user can fix.

RtNerError
├── ConfigError    a setting is unknown, missing or out of range
├── SessionError   a session file can't be read or lacks what is needed
├── BundleError    a bundle is damaged, inconsistent or from another version
└── StreamError    a stream is missing, ambiguous or of the wrong shape

A message is one line: the value met, what was expected, and the remedy.
"""


class RtNerError(Exception):
    """A problem that the user can fix; the command line prints it and exits with code 2."""


class ConfigError(RtNerError):
    """A setting is unknown, missing or out of range."""


class SessionError(RtNerError):
    """A session file can't be read, or lacks what is needed."""


class BundleError(RtNerError):
    """A bundle is damaged, inconsistent or from another version."""


class StreamError(RtNerError):
    """A stream is missing, ambiguous or of the wrong shape."""


class SourceAbsentError(StreamError):
    """No stream matches within the time; raised again and again while one is looked for."""


class SourceLostError(Exception):
    """The source of spikes is gone or does not answer. Not the user's error: it may return."""
