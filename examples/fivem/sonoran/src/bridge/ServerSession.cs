using System;
using CitizenFX.Core;
using Sonoran.Events;

namespace Sonoran.FiveM
{
    /// <summary>The session of one CAD server: opens it, reopens it when it ended, and tells the console what happens.</summary>
    internal sealed class ServerSession
    {
        /// <summary>From here down, a code means an error of the session or the process, not of an argument.</summary>
        private const int SessionErrors = -10;
        private const int UnitError = -5;
        private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);
        private static readonly TimeSpan Reopen = TimeSpan.FromSeconds(5);

        private readonly SonoranLibrary _library;
        private readonly Settings _settings;
        private readonly Listeners _listeners;
        private SonoranSession _session;
        private DateTime _openAgain = DateTime.MaxValue, _retryTold, _problemTold, _unitsTold;
        private int _unitsLeftOut;

        internal ServerSession(SonoranLibrary library, Settings settings, int serverId, Listeners listeners)
        {
            _library = library;
            _settings = settings;
            _listeners = listeners;
            ServerId = serverId;
            Open();
        }

        internal int ServerId { get; }

        internal HubCalls Calls { get; } = new HubCalls();

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

        /// <summary>Relays queued events while the budget lasts, at least one. Returns whether the budget ran out.</summary>
        internal bool Tick(Budget budget)
        {
            SonoranEvent next;
            while (_session != null && (next = _session.Poll()) != null)
            {
                Relay(next);
                if (budget.IsSpent) return true;
            }
            if (DateTime.UtcNow >= _openAgain) Open();
            return false;
        }

        /// <summary>
        /// Called once a second. A session that is gone without a word was taken over. Reopening it would take
        /// it back, and so on for ever.
        /// </summary>
        internal void Check()
        {
            if (_session == null || _openAgain != DateTime.MaxValue || _session.State != SonoranState.Gone) return;
            _session = null;
            const string taken = "another resource of this process connected for the same server and took the session over; restart this one to take it back.";
            Calls.Fail(taken);
            Tell(taken);
        }

        /// <summary>True: the valid updates were taken. An update that the library refuses does not stop the others.</summary>
        internal bool SendUnitLocations(object updates)
        {
            string problem;
            var json = UnitLocations.ToJson(updates, out problem);
            if (problem != null) TellOfUnits(problem);
            if (json == null || _session == null) return false;
            var refused = TrySend(json);
            if (refused == null || refused.Code != UnitError)
            {
                if (refused != null) TellOfUnits(refused.Message);
                return refused == null;
            }
            var taken = 0;
            foreach (var one in UnitLocations.Singly(json))
            {
                refused = TrySend(one);
                if (refused == null) taken++;
                else TellOfUnits(refused.Message);
            }
            return taken > 0;
        }

        private SonoranException TrySend(string json)
        {
            try
            {
                _session.SendUnitLocations(json);
                return null;
            }
            catch (SonoranException e)
            {
                return e;
            }
            catch (ArgumentException e)
            {
                return new SonoranException(e.Message);
            }
        }

        /// <summary>Reports the problem, at most once a minute, and how often it happened.</summary>
        private void TellOfUnits(string problem)
        {
            _unitsLeftOut++;
            if (!Due(ref _unitsTold)) return;
            Tell("unit locations were not sent as they came: " + problem + (_unitsLeftOut > 1 ? " (" + _unitsLeftOut + " times since it was last told)." : "."));
            _unitsLeftOut = 0;
        }

        /// <summary>Returns the call's number, or throws the library's error.</summary>
        internal int Invoke(string method, string argumentsJson)
        {
            if (_session == null) throw new SonoranException("there is no session with the CAD");
            return _session.Invoke(method, argumentsJson);
        }

        /// <summary>Returns why the library refused the push, or null if it took it.</summary>
        internal SonoranException Ingest(string body)
        {
            try
            {
                if (_session == null) return new SonoranException("there is no session with the CAD");
                _session.Ingest(body);
                return null;
            }
            catch (SonoranException e)
            {
                return e;
            }
            catch (ArgumentException e)
            {
                return new SonoranException(e.Message);
            }
        }

        /// <summary>Reports what another script did wrong, at most once a minute.</summary>
        internal void TellProblem(string sentence)
        {
            if (Due(ref _problemTold)) Tell(sentence);
        }

        private void Relay(SonoranEvent happened)
        {
            try
            {
                var type = happened.Type.ToUpperInvariant();
                if (!type.StartsWith("SESSION_", StringComparison.Ordinal))
                {
                    _listeners.Push(ServerId, type, happened.Json);
                    return;
                }
                if (type == "SESSION_CALL_RESULT" && Calls.Settle(happened)) return;
                if (type == "SESSION_CLOSED") Calls.Fail(happened["message"]);
                Tell(happened);
                _listeners.Tell(ServerId, type, happened.Json);
            }
            catch (Exception e)
            {
                TellProblem("an event of type " + happened.Type + " could not be relayed: " + e.Message);
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
            Debug.WriteLine("server " + ServerId + ": " + sentence);
        }
    }
}
