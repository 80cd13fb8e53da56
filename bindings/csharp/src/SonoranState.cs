namespace Sonoran.Events
{
    /// <summary>The current state of a session.</summary>
    public enum SonoranState
    {
        /// <summary>It has ended and its last event was taken, or a newer session has replaced it.</summary>
        Gone = 0,
        /// <summary>It resolves, connects or shakes hands.</summary>
        Connecting = 1,
        /// <summary>It waits for the hub's answer to its credentials.</summary>
        Authenticating = 2,
        /// <summary>It is authenticated.</summary>
        Ready = 3,
        /// <summary>It waits before its next attempt.</summary>
        Retrying = 4,
        /// <summary>It has ended; its queued events can still be taken.</summary>
        Closed = 5,
    }
}
