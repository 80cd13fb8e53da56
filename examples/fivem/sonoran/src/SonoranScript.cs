using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using CitizenFX.Core;
using CitizenFX.Core.Native;
using Sonoran.Events;
using Debug = CitizenFX.Core.Debug;

namespace Sonoran.FiveM
{
    /// <summary>
    /// Connects FXServer's script world with the library: relays events to other resources on the server's
    /// tick, and takes unit locations, hub calls and posted events from them.
    /// </summary>
    public sealed class SonoranScript : BaseScript
    {
        /// <summary>Of a tick's 50 ms; FXServer warns at 150.</summary>
        private const int BudgetMs = 5;
        private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

        private readonly List<ServerSession> _sessions = new List<ServerSession>();
        private Settings _settings;
        private SonoranLibrary _library;
        private string _told;
        private DateTime _checked;
        private int _first;

        public SonoranScript()
        {
            EventHandlers["onResourceStop"] += new Action<string, string>(OnResourceStop);
            // What the sendUnitLocations of SonoranCAD's own apiws.js is reached by, once that file is taken out.
            EventHandlers["__cfx_export_sonorancad_sendUnitLocations"] += new Action<object>(LendExport);
            Exports.Add("sendUnitLocations", new Func<object, object, bool>(SendUnitLocations));
            Exports.Add("invoke", new Func<string, string, object, int>(Invoke));
            Exports.Add("ingest", new Func<string, object, bool>((body, server) => Ingest(body, server) == null));
            Exports.Add("status", new Func<string>(Status));
            API.RegisterCommand("sonoran", new Action<int, List<object>, string>((source, arguments, line) => PrintStatus()), true);
            API.SetHttpHandler(new Action<object, object>(new HttpEvents(body => Ingest(body, null)).Handle));
            Tick += OnTick;
        }

        private Task OnTick()
        {
            try
            {
                if (DateTime.UtcNow - _checked >= Second)
                {
                    _checked = DateTime.UtcNow;
                    if (_sessions.Count == 0) Start();
                    foreach (var session in _sessions) session.Check();
                }
                Relay();
            }
            catch (Exception e)
            {
                TellOnce("an error in the tick: " + e.Message);
            }
            return Task.FromResult(0);
        }

        /// <summary>Every session gets its turn, another one first each time.</summary>
        private void Relay()
        {
            var clock = Stopwatch.StartNew();
            for (var i = 0; i < _sessions.Count; i++)
            {
                var left = BudgetMs - (int)clock.ElapsedMilliseconds;
                if (left < 0) break;
                _sessions[(_first + i) % _sessions.Count].Tick(left);
            }
            if (_sessions.Count > 0) _first = (_first + 1) % _sessions.Count;
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
            foreach (var server in _settings.ServerIds) _sessions.Add(new ServerSession(_library, _settings, server, Emit));
        }

        private void Emit(int server, SonoranEvent happened)
        {
            var type = happened.Type.ToUpperInvariant();
            TriggerEvent("sonoran:event", type, happened.Json, server);
            TriggerEvent("sonoran:" + type, happened.Json, server);
            if (_settings.Shim && !type.StartsWith("SESSION_", StringComparison.Ordinal))
                TriggerEvent("SonoranCAD::pushevents:shim", WithKey(happened.Json));
        }

        /// <summary>SonoranCAD compares the key of an event with its own.</summary>
        private string WithKey(string json)
        {
            if (Json.Raw(json, "key") != null) return json;
            var text = new StringBuilder("{\"key\":");
            Json.Quote(text, _settings.ApiKey);
            return text.Append(',').Append(json, json.IndexOf('{') + 1, json.Length - json.IndexOf('{') - 1).ToString();
        }

        private bool SendUnitLocations(object updates, object server)
        {
            var session = Session(server);
            if (session == null || !_settings.SendEnabled) return false;
            var json = UnitLocations.ToJson(updates);
            return json != null && session.SendUnitLocations(json);
        }

        private int Invoke(string method, string argumentsJson, object server)
        {
            var session = Session(server);
            return session == null || method == null ? 0 : session.Invoke(method, argumentsJson ?? "[]");
        }

        private SonoranException Ingest(string body, object server)
        {
            var session = Session(server);
            return session == null || body == null ? new SonoranException("no session") : session.Ingest(body);
        }

        /// <summary>The session of the given server, without one the first.</summary>
        private ServerSession Session(object server)
        {
            return server == null ? _sessions.FirstOrDefault() : _sessions.FirstOrDefault(s => s.ServerId.ToString() == Convert.ToString(server));
        }

        private void LendExport(object setExport)
        {
            // Only of a resource: C# handlers also hear what players trigger, and theirs is another delegate.
            var set = setExport as CallbackDelegate;
            if (set != null && _settings != null && _settings.Shim) set(new Func<object, object, bool>(SendUnitLocations));
        }

        /// <summary>
        /// Leaves the sessions open on purpose: after a restart the new script takes over the very
        /// connections and what they queued meanwhile, so nothing is lost and nothing comes twice.
        /// </summary>
        private void OnResourceStop([FromSource] string source, string resource)
        {
            if (!string.IsNullOrEmpty(source) || resource != API.GetCurrentResourceName() || _sessions.Count == 0) return;
            Tell("stopped; what the CAD sends now waits for the restart, or, a minute later, goes by HTTP again.");
        }

        private string Status()
        {
            var json = new StringBuilder("[");
            foreach (var session in _sessions)
            {
                if (json.Length > 1) json.Append(',');
                json.Append("{\"serverId\":").Append(session.ServerId);
                json.Append(",\"state\":\"").Append(session.State.ToString().ToLowerInvariant());
                json.Append("\",\"stats\":").Append(session.StatsJson).Append('}');
            }
            return json.Append(']').ToString();
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

        private static void Tell(string sentence)
        {
            Debug.WriteLine("[sonoran] " + sentence);
        }
    }
}
