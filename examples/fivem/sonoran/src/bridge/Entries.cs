using System;
using System.Collections;
using System.Collections.Generic;
using System.Text;
using CitizenFX.Core;
using Sonoran.Events;

namespace Sonoran.FiveM
{
    /// <summary>
    /// What other resources may call. Their arguments can be anything, so every parameter is an object: if the runtime
    /// cannot convert an argument, the call ends without a result, and the caller is not told.
    /// </summary>
    internal sealed class Entries
    {
        private readonly Func<object, ServerSession> _session;
        private readonly Func<IEnumerable<ServerSession>> _all;
        private readonly Func<bool> _sendEnabled;
        private readonly Action<string> _tellOnce;

        /// <param name="session">The given server's session, or the first one if no server is given; or null.</param>
        /// <param name="sendEnabled">Whether unit locations are sent.</param>
        /// <param name="tellOnce">Reports a problem if there is no session to report it.</param>
        internal Entries(Func<object, ServerSession> session, Func<IEnumerable<ServerSession>> all, Func<bool> sendEnabled, Action<string> tellOnce)
        {
            _session = session;
            _all = all;
            _sendEnabled = sendEnabled;
            _tellOnce = tellOnce;
        }

        internal void AddTo(ExportDictionary exports)
        {
            exports.Add("sendUnitLocations", new Func<object, object, object>((updates, server) => SendUnitLocations(updates, server)));
            exports.Add("call", new Func<object, object, object, object>(Call));
            exports.Add("invoke", new Func<object, object, object, object>((method, arguments, server) => Invoke(method, arguments, server)));
            exports.Add("ingest", new Func<object, object, object>((body, server) => Ingest(body, server)));
            exports.Add("isReady", new Func<object, object>(server => IsReady(server)));
            exports.Add("status", new Func<object>(Status));
        }

        internal bool SendUnitLocations(object updates, object server)
        {
            var session = _session(server);
            return session != null && _sendEnabled() && session.SendUnitLocations(updates);
        }

        /// <summary>A promise of the hub's result.</summary>
        private object Call(object method, object arguments, object server)
        {
            var session = _session(server);
            return (session == null ? new HubCalls() : session.Calls).Start(() => Begin(session, method, arguments));
        }

        /// <summary>The call's number, or 0 and a line on the console.</summary>
        private int Invoke(object method, object arguments, object server)
        {
            var session = _session(server);
            try
            {
                return Begin(session, method, arguments);
            }
            catch (Exception e) when (e is SonoranException || e is ArgumentException)
            {
                Complain(session, (ScriptJson.Text(method) ?? "a method of the hub") + " was not called: " + e.Message);
                return 0;
            }
        }

        private static int Begin(ServerSession session, object method, object arguments)
        {
            if (session == null) throw new SonoranException("there is no session with this server of the CAD");
            var name = ScriptJson.Text(method);
            if (string.IsNullOrEmpty(name)) throw new SonoranException("the method's name must be a text");
            var json = ScriptJson.Text(arguments);
            if (arguments == null) json = "[]";
            else if (json == null && !(arguments is IList)) throw new SonoranException("the arguments must be a list, such as { 1, 'two' }, or a JSON array as text");
            return session.Invoke(name, json ?? ScriptJson.Of(arguments));
        }

        private bool Ingest(object body, object server)
        {
            var session = _session(server);
            var text = ScriptJson.Text(body) ?? (body is IDictionary<string, object> ? ScriptJson.Of(body) : null);
            var refused = text == null ? new SonoranException("it is neither a text nor a table") : Ingest(text, server);
            if (refused != null) Complain(session, "an event that was handed over was not taken: " + refused.Message);
            return refused == null;
        }

        internal SonoranException Ingest(string body, object server)
        {
            var session = _session(server);
            return session == null ? new SonoranException("there is no session with this server of the CAD") : session.Ingest(body);
        }

        private bool IsReady(object server)
        {
            var session = _session(server);
            return session != null && session.State == SonoranState.Ready;
        }

        private string Status()
        {
            var json = new StringBuilder("[");
            foreach (var session in _all())
            {
                if (json.Length > 1) json.Append(',');
                json.Append("{\"serverId\":").Append(session.ServerId);
                json.Append(",\"state\":\"").Append(session.State.ToString().ToLowerInvariant());
                json.Append("\",\"stats\":").Append(session.StatsJson).Append('}');
            }
            return json.Append(']').ToString();
        }

        private void Complain(ServerSession session, string sentence)
        {
            if (session != null) session.TellProblem(sentence);
            else _tellOnce(sentence);
        }
    }
}
