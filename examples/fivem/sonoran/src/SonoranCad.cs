using System;
using System.Collections.Generic;
using CitizenFX.Core;
using CitizenFX.Core.Native;

namespace Sonoran.FiveM
{
    /// <summary>
    /// The SonoranCAD resource, where it runs on this server: its events, its unit locations, and what reached it by
    /// HTTP. The other end is sonorancad/apiws.js, which stands in for its core/apiws.js.
    ///
    /// The two speak in events alone, and every handover is answered before it returns. No function of one is kept by
    /// the other, so either may be restarted at any time; while SonoranCAD is away for a moment the events wait in the
    /// library, which outlives both.
    /// </summary>
    internal sealed class SonoranCad
    {
        private const string Name = "sonorancad";

        /// <summary>How long events wait for a SonoranCAD that is not there before they go to everybody else without it.</summary>
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

        private readonly Action<string> _tell;
        private readonly List<string> _untaken = new List<string>();
        private DateTime _awaySince = DateTime.UtcNow;
        private bool _isHere, _isAttached, _toldSession, _toldAway;
        private int _taken;

        internal SonoranCad(Action<string> tell)
        {
            _tell = tell;
        }

        /// <summary>The server in the CAD that SonoranCAD is configured for.</summary>
        internal int ServerId { get; set; }

        /// <summary>Whether its own script, where it still has that, would open a second session for a server of ours.</summary>
        internal bool WouldCompete { get; set; }

        internal int Count
        {
            get { return _untaken.Count; }
        }

        internal void OnReady()
        {
            _isHere = _isAttached = true;
            _toldAway = false;
            Flush();
        }

        internal void OnTaken(int count)
        {
            _taken += count;
        }

        /// <summary>Once a second: a SonoranCAD that runs and does not answer has no stand-in.</summary>
        internal void Check()
        {
            if (_isAttached) return;
            var state = State();
            _isHere = state != "missing" && state != "unknown" && state != "uninitialized";
            if (state != "started") return;
            Greet();
            if (_isAttached || !WouldCompete || _toldSession) return;
            _toldSession = true;
            _tell("the sonorancad resource holds a session of its own for server " + ServerId + ", and the CAD has but one for each: copy "
                + API.GetResourcePath(API.GetCurrentResourceName()) + "/sonorancad/apiws.js over its core/apiws.js, add "
                + "{ \"path\": \"/sonorancad/core/apiws.js\", \"reason\": \"sonoran\" } to the list in its configuration/updateIgnore.json, and restart it.");
        }

        /// <summary>Asks for an answer of the stand-in, which comes before this returns.</summary>
        internal void Greet()
        {
            BaseScript.TriggerEvent("sonoran:cad:hello", API.GetCurrentResourceName());
        }

        /// <summary>Whether events may leave the library, where they are safe. Called on every tick.</summary>
        internal bool MayTakeEvents()
        {
            if (!_isHere) return true;
            var started = State() == "started";
            if (_isAttached && started) return true;
            if (_isAttached)
            {
                _isAttached = false;
                _awaySince = DateTime.UtcNow;
            }
            // It runs, and answered to nothing: there is no stand-in to wait for.
            if (started && _untaken.Count == 0) return true;
            if (DateTime.UtcNow - _awaySince < Patience) return false;
            if (!_toldAway)
            {
                _toldAway = true;
                _tell("the sonorancad resource is not running: events go on without it until it is started.");
            }
            _untaken.Clear();
            return true;
        }

        internal void Add(int server, string json)
        {
            if (_isAttached && server == ServerId) _untaken.Add(json);
        }

        /// <summary>What is not taken stays, in its order.</summary>
        internal void Flush()
        {
            if (!_isAttached || _untaken.Count == 0) return;
            _taken = 0;
            BaseScript.TriggerEvent("sonoran:cad:events", new object[] { _untaken.ToArray() });
            _untaken.RemoveRange(0, Math.Min(_taken, _untaken.Count));
            if (_untaken.Count == 0) return;
            _isAttached = false;
            _awaySince = DateTime.UtcNow;
        }

        private static string State()
        {
            // Where this resource itself bears the name, SonoranCAD does not run here.
            return API.GetCurrentResourceName() == Name ? "missing" : API.GetResourceState(Name);
        }
    }
}
