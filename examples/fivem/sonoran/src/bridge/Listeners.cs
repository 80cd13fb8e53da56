using System;
using System.Collections.Generic;
using System.Diagnostics;
using CitizenFX.Core;

namespace Sonoran.FiveM
{
    /// <summary>
    /// Hands events to the server's scripts: one by one, for anybody who listens; and in lists, at a fraction of the
    /// cost, for those who asked. Triggering an event costs the runtime far more than the event itself.
    /// </summary>
    internal sealed class Listeners
    {
        /// <summary>The most events in one list.</summary>
        private const int ListSize = 64;

        private readonly SonoranCad _cad;
        private readonly List<object> _list = new List<object>();

        internal Listeners(SonoranCad cad)
        {
            _cad = cad;
        }

        /// <summary>Whether events go out one by one.</summary>
        internal bool Singly { get; set; } = true;

        /// <summary>Whether somebody asked for lists.</summary>
        internal bool InLists { get; set; }

        internal void Tell(int server, string type, string json)
        {
            if (Singly)
            {
                BaseScript.TriggerEvent("sonoran:event", type, json, server);
                // The runtime may tear a name, so the type is in the arguments too.
                BaseScript.TriggerEvent("sonoran:" + type, json, server, type);
            }
            if (InLists) _list.Add(new object[] { type, json, server });
        }

        /// <summary>Hands over an event from the CAD, which SonoranCAD must get too.</summary>
        internal void Push(int server, string type, string json)
        {
            Tell(server, type, json);
            _cad.Add(server, json);
            if (_list.Count >= ListSize || _cad.Count >= ListSize) Flush();
        }

        internal void Flush()
        {
            if (_list.Count > 0)
            {
                var list = _list.ToArray();
                _list.Clear();
                BaseScript.TriggerEvent("sonoran:events", new object[] { list });
            }
            _cad.Flush();
        }
    }

    /// <summary>
    /// How much of a tick's 50 ms may go into relaying events. FXServer warns at 150 ms. The budget grows while events
    /// are left over, and shrinks at once when none are.
    /// </summary>
    internal sealed class Budget
    {
        internal const int LeastMs = 5, MostMs = 25;

        private readonly Stopwatch _clock = new Stopwatch();
        private int _ms = LeastMs;

        internal void Start()
        {
            _clock.Restart();
        }

        internal bool IsSpent
        {
            get { return _clock.ElapsedMilliseconds >= _ms; }
        }

        internal void End(bool eventsAreLeft)
        {
            _ms = eventsAreLeft ? Math.Min(_ms * 2, MostMs) : LeastMs;
        }
    }
}
