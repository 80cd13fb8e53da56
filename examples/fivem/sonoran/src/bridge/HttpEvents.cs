using System;
using System.Collections.Generic;
using CitizenFX.Core;
using Sonoran.Events;

namespace Sonoran.FiveM
{
    /// <summary>
    /// While no session is up the CAD posts its events to http://server:port/sonorancad/event. This takes
    /// them if the resource is named sonorancad, and answers as the SonoranCAD resource does.
    /// </summary>
    internal sealed class HttpEvents
    {
        private const int JsonError = -2, TooLargeError = -4;
        private const string BadRequest = "{\"error\":\"bad request\"}";

        private readonly Func<string, SonoranException> _ingest;

        internal HttpEvents(Func<string, SonoranException> ingest)
        {
            _ingest = ingest;
        }

        /// <summary>FXServer's HTTP handler: both arguments are tables with functions in them.</summary>
        internal void Handle(object request, object response)
        {
            var asked = request as IDictionary<string, object>;
            var answer = response as IDictionary<string, object>;
            if (asked == null || answer == null) return;
            object path, method;
            asked.TryGetValue("path", out path);
            asked.TryGetValue("method", out method);
            if (Convert.ToString(path).Split('?')[0].TrimEnd('/') != "/event" || !"POST".Equals(method))
            {
                Call(answer, "writeHead", 404);
                Call(answer, "send", "Not found.");
                return;
            }
            Call(asked, "setDataHandler", new Action<object>(body => Call(answer, "send", Answer(ScriptJson.Text(body)))));
        }

        private string Answer(string body)
        {
            if (string.IsNullOrEmpty(body) || body.IndexOf('\0') >= 0) return BadRequest;
            var refused = _ingest(body);
            if (refused == null) return "ok";
            return refused.Code == JsonError || refused.Code == TooLargeError ? BadRequest : "error";
        }

        private static void Call(IDictionary<string, object> table, string name, object argument)
        {
            object function;
            if (table.TryGetValue(name, out function) && function is CallbackDelegate) ((CallbackDelegate)function)(argument);
        }
    }
}
