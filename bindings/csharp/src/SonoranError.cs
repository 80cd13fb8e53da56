namespace Sonoran.Events
{
    /// <summary>The error codes of sonoran.h. New ones may be added in their ranges: -1 to -9 an argument, -10 to -19 the session, -20 to -29 the process.</summary>
    public enum SonoranError
    {
        /// <summary>The native library is missing or cannot be used.</summary>
        Library = 0,
        /// <summary>An argument is null, is not UTF-8, or is out of range.</summary>
        Argument = -1,
        /// <summary>A text is not the JSON that was expected.</summary>
        Json = -2,
        /// <summary>An option is unknown, missing, of the wrong type or out of range.</summary>
        Option = -3,
        /// <summary>A text is too large.</summary>
        TooLarge = -4,
        /// <summary>A unit update is not as documented.</summary>
        Unit = -5,
        /// <summary>A body does not carry this session's API key.</summary>
        Key = -6,
        /// <summary>There is no session with this number, or it has ended and its last event was polled.</summary>
        Session = -10,
        /// <summary>A session for this url, community and server exists, and `replace` is false.</summary>
        Exists = -11,
        /// <summary>The session is not authenticated at the moment.</summary>
        NotReady = -12,
        /// <summary>The session has ended; its queued events can still be polled.</summary>
        Closed = -13,
        /// <summary>Too much is queued already.</summary>
        Busy = -14,
        /// <summary>This process was forked from one that had connected.</summary>
        Forked = -20,
        /// <summary>The operating system refused a thread or another resource.</summary>
        System = -21,
        /// <summary>Not everything ended in time.</summary>
        Timeout = -22,
        /// <summary>A defect in the library. The session continues if it can.</summary>
        Internal = -29,
    }
}
