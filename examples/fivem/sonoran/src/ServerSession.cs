using System;
using CitizenFX.Core;
using Sonoran.Events;

namespace Sonoran.FiveM
{
    /// <summary>The session of one CAD server: opens it, opens it anew when it ended, and tells the console what happens.</summary>
    internal sealed class ServerSession
    {
        /// <summary>From here down an error is of the session or the process, not of an argument.</summary>
        private const int SessionErrors = -10;
        private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);
        private static readonly TimeSpan Reopen = TimeSpan.FromSeconds(5);

        private readonly SonoranLibrary _library;
        private readonly Settings _settings;
        private readonly Action<int, SonoranEvent> _relay;
        private SonoranSession _session;
        private DateTime _openAgain = DateTime.MaxValue, _retryTold, _problemTold;

        internal ServerSession(SonoranLibrary library, Settings settings, int serverId, Action<int, SonoranEvent> relay)
        {
            _library = library;
            _settings = settings;
            _relay = relay;
            ServerId = serverId;
            Open();
        }

        internal int ServerId { get; }

        internal SonoranState State
        {
            get { return _session == null ? SonoranState.Gone : _session.State; }
        }

        /// <summary>The library's figures as JSON; "null" when there is no session.</summary>
        internal string StatsJson
        {
            get { return State == SonoranState.Gone ? "null" : _session.StatsJson(); }
        }

        private void Open()
        {
            _openAgain = DateTime.MaxValue;
            try
            {
                _session = _library.Connect(_settings.SessionOptions(ServerId));
            }
            catch (SonoranException e)
            {
                _session = null;
                if (Due(ref _problemTold)) Tell("cannot connect: " + e.Message);
                // A wrong option stays wrong until the next restart.
                if (e.Code <= SessionErrors) _openAgain = DateTime.UtcNow + Reopen;
            }
        }

        /// <summary>Relays what is queued, for at most so long.</summary>
        internal void Tick(int budgetMs)
        {
            if (_session != null) _session.Drain(Relay, budgetMs);
            if (DateTime.UtcNow >= _openAgain) Open();
        }

        /// <summary>
        /// Once a second: a session that is gone without having told so was taken over. Opening it again
        /// would take it back, and so on for ever.
        /// </summary>
        internal void Check()
        {
            if (_session == null || _openAgain != DateTime.MaxValue || _session.State != SonoranState.Gone) return;
            _session = null;
            Tell("another resource of this process connected for the same server and took the session over; restart this one to take it back.");
        }

        internal bool SendUnitLocations(string updatesJson)
        {
            return Try("unit locations were not sent", s => s.SendUnitLocations(updatesJson));
        }

        /// <summary>The call's number, or 0.</summary>
        internal int Invoke(string method, string argumentsJson)
        {
            var id = 0;
            Try(method + " was not called", s => id = s.Invoke(method, argumentsJson));
            return id;
        }

        /// <summary>Why the library did not take the push; null when it did.</summary>
        internal SonoranException Ingest(string body)
        {
            try
            {
                if (_session == null) return new SonoranException("no session");
                _session.Ingest(body);
                return null;
            }
            catch (SonoranException e)
            {
                return e;
            }
        }

        private bool Try(string otherwise, Action<SonoranSession> call)
        {
            try
            {
                if (_session == null) return false;
                call(_session);
                return true;
            }
            catch (Exception e) when (e is SonoranException || e is ArgumentException)
            {
                if (Due(ref _problemTold)) Tell(otherwise + ": " + e.Message);
                return false;
            }
        }

        private void Relay(SonoranEvent happened)
        {
            try
            {
                if (happened.Type.StartsWith("SESSION_", StringComparison.Ordinal)) Tell(happened);
                _relay(ServerId, happened);
            }
            catch (Exception e)
            {
                if (Due(ref _problemTold)) Tell("an event of type " + happened.Type + " could not be relayed: " + e.Message);
            }
        }

        private void Tell(SonoranEvent notice)
        {
            switch (notice.Type)
            {
                case "SESSION_READY":
                    Tell(notice["resumed"] == "true" ? "connected, without a break since before the restart." : "connected.");
                    _retryTold = default(DateTime);
                    break;
                case "SESSION_RETRY":
                    if (Due(ref _retryTold)) Tell(notice["message"]);
                    break;
                case "SESSION_CLOSED":
                    Tell(notice["message"]);
                    _openAgain = DateTime.UtcNow + (notice["code"] == "idle" ? TimeSpan.Zero : Reopen);
                    break;
                case "SESSION_CALL_RESULT":
                    break;
                default:
                    Tell(notice["message"] ?? notice.Json);
                    break;
            }
        }

        private static bool Due(ref DateTime told)
        {
            if (DateTime.UtcNow - told < Quiet) return false;
            told = DateTime.UtcNow;
            return true;
        }

        private void Tell(string sentence)
        {
            Debug.WriteLine("[sonoran] server " + ServerId + ": " + sentence);
        }
    }
}
