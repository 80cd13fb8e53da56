using System;
using System.Collections.Generic;
using CitizenFX.Core;
using Sonoran.Events;

namespace Sonoran.FiveM
{
    /// <summary>
    /// Hub calls as the script runtimes' promises: a table with a function that takes the callback. Written by hand,
    /// because the promise that a runtime makes of a Task rejects in JavaScript, and never ends if the task fails.
    /// </summary>
    internal sealed class HubCalls
    {
        private sealed class Call
        {
            private object _value, _error;
            private bool _isSettled;
            private CallbackDelegate _callback;

            internal object Promise()
            {
                return new Dictionary<string, object> { { "__cfx_async_retval", new Action<object>(Await) } };
            }

            private void Await(object callback)
            {
                _callback = callback as CallbackDelegate;
                if (_isSettled) Answer();
            }

            internal void Settle(object value, string error)
            {
                _isSettled = true;
                _value = value;
                _error = error;
                if (_callback != null) Answer();
            }

            private void Answer()
            {
                var callback = _callback;
                _callback = null;
                try
                {
                    callback(_error == null ? new[] { _value } : null, _error);
                }
                catch (Exception)
                {
                    // The calling resource is gone.
                }
            }
        }

        private readonly Dictionary<int, Call> _calls = new Dictionary<int, Call>();

        /// <param name="start">Starts the call and returns its number, or throws the library's error.</param>
        internal object Start(Func<int> start)
        {
            var call = new Call();
            try
            {
                _calls[start()] = call;
            }
            catch (Exception e) when (e is SonoranException || e is ArgumentException)
            {
                call.Settle(null, e.Message);
            }
            return call.Promise();
        }

        /// <summary>Whether the result belongs to one of these calls, which then alone receives it.</summary>
        internal bool Settle(SonoranEvent result)
        {
            int id;
            Call call;
            if (!int.TryParse(result["id"], out id) || !_calls.TryGetValue(id, out call)) return false;
            _calls.Remove(id);
            var fine = result["code"] == "ok";
            // Lua's Citizen.Await takes a table like this for a resolved promise.
            var value = new Dictionary<string, object> { { "state", 3 }, { "value", Json.Raw(result.Json, "result") ?? "null" } };
            call.Settle(fine ? value : null, fine ? null : result["message"] ?? result["code"]);
            return true;
        }

        /// <summary>Fails every call: the session is gone, so no answer will come.</summary>
        internal void Fail(string why)
        {
            var calls = new List<Call>(_calls.Values);
            _calls.Clear();
            foreach (var call in calls) call.Settle(null, why);
        }
    }
}
