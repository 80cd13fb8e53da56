using System;
using System.Collections.Generic;
using CitizenFX.Core;

namespace FxServerHost
{
    /// <summary>Listens, in the test's own domain, to what sonoran and the stand-in for SonoranCAD emit.</summary>
    public sealed class Listener : BaseScript
    {
        internal sealed class Heard
        {
            internal string Type, Json;
            internal int Server;
        }

        internal static readonly List<Heard> Events = new List<Heard>();
        internal static readonly List<string> Named = new List<string>();
        internal static readonly List<string> Cad = new List<string>();
        internal static Action<Heard> OnEvent;
        internal static Action<string> OnCad;
        internal static Action<string, string> OnSent;

        public Listener()
        {
            EventHandlers["sonoran:event"] += new Action<string, string, int>((type, json, server) =>
            {
                var heard = new Heard { Type = type, Json = json, Server = server };
                if (OnEvent != null) OnEvent(heard);
                else Events.Add(heard);
            });
            EventHandlers["sonoran:EVENT_911"] += new Action<string, int, string>((json, server, type) => Named.Add(server + " " + type + " " + json));
            EventHandlers["test:cad"] += new Action<string, string>((type, json) =>
            {
                if (OnCad != null) OnCad(json);
                else Cad.Add(json);
            });
            EventHandlers["test:sent"] += new Action<List<object>>(batch =>
            {
                foreach (IDictionary<string, object> unit in batch)
                    if (OnSent != null) OnSent((string)unit["communityUserId"], (string)unit["location"]);
            });
        }

        internal static void Forget()
        {
            Events.Clear();
            Named.Clear();
            Cad.Clear();
            OnEvent = null;
            OnCad = null;
            OnSent = null;
        }
    }
}
