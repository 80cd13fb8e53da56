using System;
using System.Collections.Generic;
using System.Globalization;
using CitizenFX.Core;
using CitizenFX.Core.Native;

namespace Sonoran.FiveM
{
    /// <summary>
    /// The SonoranCAD resource, if it runs on this server: its events, its unit locations, and what reached it by
    /// HTTP. The other end is sonorancad/apiws.js, which stands in for its core/apiws.js.
    ///
    /// The two communicate only through events, and each handover is acknowledged before it returns. Neither keeps a
    /// function of the other, so either may be restarted at any time. While SonoranCAD is briefly away, the events wait
    /// in the library, which outlives both. What it was handed and had not done is handed over again.
    /// </summary>
    internal sealed class SonoranCad
    {
        private sealed class Handover
        {
            internal int Number;
            internal string Json;
            internal DateTime At;
        }

        private const string Name = "sonorancad";

        /// <summary>How long events wait for a missing SonoranCAD before they go to everybody else without it.</summary>
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

        /// <summary>SonoranCAD refused an event that it has not reported as done by then, and would again.</summary>
        private static readonly TimeSpan Refusal = TimeSpan.FromSeconds(5);

        private readonly Action<string> _tell;
        private readonly List<Handover> _waiting = new List<Handover>(), _handed = new List<Handover>();
        private DateTime _awaySince = DateTime.UtcNow;
        private bool _isHere, _isAttached, _isHeard, _toldSession, _toldAway;
        private string _run;
        private int _numbers;

        internal SonoranCad(Action<string> tell)
        {
            _tell = tell;
        }

        /// <summary>The server in the CAD that SonoranCAD is configured for.</summary>
        internal int ServerId { get; set; }

        /// <summary>Whether its own core/apiws.js, if still in place, would open a second session for one of our servers.</summary>
        internal bool WouldCompete { get; set; }

        internal int Count
        {
            get { return _waiting.Count; }
        }

        /// <param name="run">Differs with each start of SonoranCAD.</param>
        internal void OnReady(object run)
        {
            _isHere = _isAttached = true;
            _toldAway = false;
            if (!Equals(run, _run))
            {
                _waiting.InsertRange(0, _handed);
                _handed.Clear();
            }
            _run = run as string;
            Flush();
        }

        internal void OnHeard()
        {
            _isHeard = true;
        }

        internal void OnDone(object number)
        {
            var done = Convert.ToString(number, CultureInfo.InvariantCulture);
            _handed.RemoveAll(handover => handover.Number.ToString(CultureInfo.InvariantCulture) == done);
        }

        /// <summary>Called once a second. A SonoranCAD that runs but does not answer has no stand-in.</summary>
        internal void Check()
        {
            _handed.RemoveAll(handover => DateTime.UtcNow - handover.At > Refusal);
            if (_isAttached) return;
            var state = State();
            _isHere = state != "missing" && state != "unknown" && state != "uninitialized";
            if (state != "started") return;
            // An answer, if any, arrives before this returns.
            BaseScript.TriggerEvent("sonoran:cad:hello", Bridge.Nothing);
            if (_isAttached || !WouldCompete || _toldSession) return;
            _toldSession = true;
            _tell("the sonorancad resource holds a session of its own for server " + ServerId + ", and the CAD has but one for each: copy "
                + API.GetResourcePath(API.GetCurrentResourceName()) + "/sonorancad/apiws.js over its core/apiws.js, add "
                + "{ \"path\": \"/sonorancad/core/apiws.js\", \"reason\": \"sonoran\" } to the list in its configuration/updateIgnore.json, and restart it.");
        }

        /// <summary>Whether events may leave the library, where they are safe. Called on every tick.</summary>
        internal bool MayTakeEvents()
        {
            if (!_isHere) return true;
            var started = State() == "started";
            if (_isAttached && started) return true;
            if (_isAttached) Detach();
            // It runs but has not answered: there is no stand-in to wait for.
            if (started && _waiting.Count == 0) return true;
            if (DateTime.UtcNow - _awaySince < Patience) return false;
            if (!_toldAway) _tell("the sonorancad resource is not running: events go on without it until it is started.");
            _toldAway = true;
            _waiting.Clear();
            _handed.Clear();
            return true;
        }

        internal void Add(int server, string json)
        {
            if (_isAttached && server == ServerId) _waiting.Add(new Handover { Number = ++_numbers, Json = json });
        }

        /// <summary>Hands over what waits. What is not acknowledged stays, in order.</summary>
        internal void Flush()
        {
            if (!_isAttached || _waiting.Count == 0) return;
            var list = new object[_waiting.Count];
            for (var i = 0; i < list.Length; i++)
            {
                _waiting[i].At = DateTime.UtcNow;
                list[i] = new object[] { _waiting[i].Number, _waiting[i].Json };
            }
            // Recorded first, because SonoranCAD may be done with some at once.
            _handed.AddRange(_waiting);
            _waiting.Clear();
            _isHeard = false;
            BaseScript.TriggerEvent("sonoran:cad:events", new object[] { list });
            if (_isHeard) return;
            _waiting.InsertRange(0, _handed.GetRange(_handed.Count - list.Length, list.Length));
            _handed.RemoveRange(_handed.Count - list.Length, list.Length);
            Detach();
        }

        private void Detach()
        {
            _isAttached = false;
            _awaySince = DateTime.UtcNow;
        }

        private static string State()
        {
            // If this resource itself has the name, SonoranCAD does not run here.
            return API.GetCurrentResourceName() == Name ? "missing" : API.GetResourceState(Name);
        }
    }
}
