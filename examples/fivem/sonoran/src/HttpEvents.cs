using System;
using System.Collections.Generic;
using CitizenFX.Core;
using Sonoran.Events;

namespace Sonoran.FiveM
{
    /// <summary>
    /// While no session is up the CAD posts its events to http://server:port/sonorancad/event. This takes
    /// them where the resource is named sonorancad, and answers as the SonoranCAD resource does.
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
            var asked = (IDictionary<string, object>)request;
            var answer = (IDictionary<string, object>)response;
            var path = Convert.ToString(asked["path"]).Split('?')[0].TrimEnd('/');
            if (!path.Equals("/event", StringComparison.Ordinal) || !"POST".Equals(asked["method"]))
            {
                Call(answer, "writeHead", 404);
                Call(answer, "send", "Not found.");
                return;
            }
            Call(asked, "setDataHandler", new Action<object>(body => Call(answer, "send", Answer(body as string))));
        }

        private string Answer(string body)
        {
            if (string.IsNullOrEmpty(body) || body.IndexOf('\0') >= 0) return BadRequest;
            var refused = _ingest(body);
            if (refused == null) return "ok";
            return refused.Code == JsonError || refused.Code == TooLargeError ? BadRequest : "error";
        }

        private static void Call(IDictionary<string, object> table, string function, object argument)
        {
            ((CallbackDelegate)table[function])(argument);
        }
    }
}
