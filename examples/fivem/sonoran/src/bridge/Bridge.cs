using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using CitizenFX.Core;
using CitizenFX.Core.Native;
using Sonoran.Events;

namespace Sonoran.FiveM
{
    /// <summary>
    /// Connects FXServer's scripts with the library: relays events to other resources on the server's
    /// tick, and takes unit locations, hub calls and posted events from them.
    /// </summary>
    public sealed class Bridge
    {
        /// <summary>What an event without arguments passes. Left out, compilers put Array.Empty there, which .NET 4.5.2 lacks.</summary>
        internal static readonly object[] Nothing = new object[0];

        private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

        private readonly EventHandlerDictionary _handlers;
        private readonly List<ServerSession> _sessions = new List<ServerSession>();
        private readonly Budget _budget = new Budget();
        private readonly SonoranCad _cad = new SonoranCad(Tell);
        private readonly Listeners _listeners;
        private readonly Entries _entries;
        private Settings _settings;
        private SonoranLibrary _library;
        private string _told;
        private DateTime _checked;
        private int _first;

        private Bridge(EventHandlerDictionary handlers, ExportDictionary exports)
        {
            _handlers = handlers;
            _listeners = new Listeners(_cad);
            _entries = new Entries(Session, () => _sessions, () => _settings.SendEnabled, TellOnce);
            _entries.AddTo(exports);
            On("onResourceStop", OnResourceStop);
            On("sonoran:listen", nothing => _listeners.InLists = true);
            On("sonoran:cad:ready", _cad.OnReady);
            On("sonoran:cad:heard", nothing => _cad.OnHeard());
            On("sonoran:cad:done", _cad.OnDone);
            On("sonoran:cad:units", OnCadUnits);
            On("sonoran:cad:posted", OnCadPosted);
            API.RegisterCommand("sonoran", new Action<object>(source => PrintStatus()), true);
            API.SetHttpHandler(new Action<object, object>(new HttpEvents(body => _entries.Ingest(body, null)).Handle));
        }

        /// <summary>Registers everything that a script has. Returns the function to call on every tick.</summary>
        public static Func<Task> Start(EventHandlerDictionary handlers, ExportDictionary exports)
        {
            return new Bridge(handlers, exports).OnTick;
        }

        private void On(string name, Action<object> handle)
        {
            _handlers[name] += new Action<string, object>(new LocalHandler(handle).Invoke);
        }

        /// <summary>Only for the server's own events: C# handlers also receive what players trigger.</summary>
        private sealed class LocalHandler
        {
            private readonly Action<object> _handle;

            internal LocalHandler(Action<object> handle)
            {
                _handle = handle;
            }

            internal void Invoke([FromSource] string source, object argument)
            {
                if (string.IsNullOrEmpty(source)) _handle(argument);
            }
        }

        private Task OnTick()
        {
            try
            {
                var now = DateTime.UtcNow;
                if (now - _checked >= Second)
                {
                    // Not before the first tick: until then this script gets no answers from the runtime.
                    if (_checked == default(DateTime)) BaseScript.TriggerEvent("sonoran:hello", Nothing);
                    _checked = now;
                    if (_sessions.Count == 0) Start();
                    foreach (var session in _sessions) session.Check();
                    if (_sessions.Count > 0) _cad.Check();
                }
                if (_sessions.Count > 0 && _cad.MayTakeEvents()) Relay();
            }
            catch (Exception e)
            {
                TellOnce("an error in the tick: " + e.Message);
            }
            return Task.FromResult(0);
        }

        /// <summary>Relays the sessions' events in turn, starting with the next session each time.</summary>
        private void Relay()
        {
            _budget.Start();
            var left = false;
            for (var i = 0; i < _sessions.Count && !left; i++) left = _sessions[(_first + i) % _sessions.Count].Tick(_budget);
            _first = (_first + 1) % _sessions.Count;
            _listeners.Flush();
            _budget.End(left);
        }

        private void Start()
        {
            _settings = Settings.Read();
            if (_settings.Problem != null)
            {
                TellOnce(_settings.Problem);
                return;
            }
            if (_library == null)
            {
                try
                {
                    _library = SonoranLibrary.Load(_settings.LibraryPath ?? API.GetResourcePath(API.GetCurrentResourceName()));
                }
                catch (SonoranException e)
                {
                    TellOnce(e.Message);
                    return;
                }
                Tell("library " + _library.Version + " loaded from " + _library.Path);
            }
            _told = null;
            _listeners.Singly = _settings.Singly;
            _cad.ServerId = _settings.CadServerId;
            _cad.WouldCompete = _settings.SendEnabled && _settings.ServerIds.Contains(_settings.CadServerId);
            foreach (var server in _settings.ServerIds) _sessions.Add(new ServerSession(_library, _settings, server, _listeners));
        }

        /// <summary>The given server's session, or the first one if no server is given; or null.</summary>
        private ServerSession Session(object server)
        {
            if (server == null) return _sessions.FirstOrDefault();
            var id = Convert.ToString(server, CultureInfo.InvariantCulture);
            return _sessions.FirstOrDefault(s => s.ServerId.ToString(CultureInfo.InvariantCulture) == id);
        }

        /// <summary>Acknowledged at once if there is a session. Otherwise the other end keeps them.</summary>
        private void OnCadUnits(object updates)
        {
            var session = Session(_cad.ServerId) ?? Session(null);
            if (session == null) return;
            if (_settings.SendEnabled) session.SendUnitLocations(updates);
            BaseScript.TriggerEvent("sonoran:cad:kept", Nothing);
        }

        /// <summary>What the CAD posted to SonoranCAD's own HTTP handler. SonoranCAD already has it.</summary>
        private void OnCadPosted(object json)
        {
            var text = ScriptJson.Text(json);
            var type = text == null ? null : Json.Text(text, "type");
            if (_sessions.Count == 0) return;
            if (!string.IsNullOrEmpty(type)) _listeners.Tell(_cad.ServerId, type.ToUpperInvariant(), text);
            BaseScript.TriggerEvent("sonoran:cad:kept", Nothing);
        }

        /// <summary>
        /// Leaves the sessions open on purpose: after a restart the new script takes over the same
        /// connections and what they queued meanwhile, so nothing is lost or repeated.
        /// </summary>
        private void OnResourceStop(object resource)
        {
            if (!API.GetCurrentResourceName().Equals(resource) || _sessions.Count == 0) return;
            _listeners.Flush();
            foreach (var session in _sessions) session.Calls.Fail("the resource " + resource + " was stopped");
            Tell("stopped; what the CAD sends now waits for the restart, or, a minute later, goes by HTTP again.");
        }

        private void PrintStatus()
        {
            if (_library != null) Tell("library " + _library.Version + ", " + _library.Path);
            if (_sessions.Count == 0) Tell(_told ?? "not started yet.");
            foreach (var session in _sessions)
            {
                var stats = session.StatsJson;
                Tell("server " + session.ServerId + ": " + session.State.ToString().ToLowerInvariant() + "; pushes " + (Json.Text(stats, "pushes") ?? "-")
                    + ", delivered " + (Json.Text(stats, "delivered") ?? "-") + ", waiting " + (Json.Text(stats, "queuedEvents") ?? "-")
                    + ", dropped " + (Json.Text(stats, "dropped") ?? "-") + "; last error: " + (Json.Text(stats, "lastError") ?? "-"));
            }
        }

        private void TellOnce(string sentence)
        {
            if (sentence == _told) return;
            _told = sentence;
            Tell(sentence);
        }

        /// <summary>The server puts the resource's name in front.</summary>
        private static void Tell(string sentence)
        {
            Debug.WriteLine(sentence);
        }
    }
}
