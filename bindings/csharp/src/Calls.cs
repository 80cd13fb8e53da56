using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace Sonoran.Events
{
    /// <summary>
    /// The awaited calls of a session. Their results are events, so whoever takes events completes the calls. If
    /// nobody does, such as a loop over the events that awaits a call itself, the wait thread takes the events: it
    /// holds those before the result, and readers get them first.
    /// </summary>
    internal sealed class Calls
    {
        /// <summary>A host with a tick takes events more often, so none is held outside the native queue.</summary>
        private const int UnreadMs = 100;

        private readonly Func<SonoranEvent> _poll;
        // By call number; null for a cancelled call, whose result is dropped.
        private readonly Dictionary<int, Call> _pending = new Dictionary<int, Call>();
        private readonly Queue<SonoranEvent> _held = new Queue<SonoranEvent>();
        private int _readAt;
        private volatile int _awaited;
        // Set by the first call: a host without calls takes no lock.
        private volatile bool _used;

        internal Calls(Func<SonoranEvent> poll)
        {
            _poll = poll;
        }

        /// <summary>Whether somebody awaits a result.</summary>
        internal bool Awaited
        {
            get { return _awaited > 0; }
        }

        internal bool Holding
        {
            get { lock (_pending) return _held.Count > 0; }
        }

        /// <summary>Makes a call. The lock keeps its result from arriving before the call is registered.</summary>
        internal Call Start(string method, Func<int> invoke)
        {
            lock (_pending)
            {
                _used = true;
                var call = new Call { Method = method, Id = invoke() };
                _pending.Add(call.Id, call);
                if (_awaited++ == 0) _readAt = Environment.TickCount;
                return call;
            }
        }

        /// <summary>The next event, for a reader.</summary>
        internal SonoranEvent Next()
        {
            if (!_used)
            {
                var first = _poll();
                // The first call may have been made meanwhile.
                return first != null && _used && IsResult(first) ? Next() : first;
            }
            lock (_pending)
            {
                if (_pending.Count == 0 && _held.Count == 0) return _poll();
                _readAt = Environment.TickCount;
                if (_held.Count > 0) return _held.Dequeue();
                SonoranEvent next;
                while ((next = _poll()) != null && IsResult(next)) { }
                return next;
            }
        }

        /// <summary>Takes an event for the calls if nobody else takes any. Returns whether there was one.</summary>
        internal bool Pump()
        {
            lock (_pending)
            {
                if (_awaited == 0 || unchecked(Environment.TickCount - _readAt) < UnreadMs) return false;
                var next = _poll();
                if (next == null) return false;
                if (!IsResult(next)) _held.Enqueue(next);
                return true;
            }
        }

        /// <summary>The milliseconds until the wait thread may take events for the calls.</summary>
        internal int PumpInMs
        {
            get
            {
                lock (_pending)
                    return _awaited == 0 ? int.MaxValue : Math.Max(0, UnreadMs - unchecked(Environment.TickCount - _readAt));
            }
        }

        /// <summary>Whether the event is a call's result; if so, completes the call.</summary>
        internal bool IsResult(SonoranEvent next)
        {
            lock (_pending)
            {
                int id;
                Call call;
                if (_pending.Count == 0 || next.Type != "SESSION_CALL_RESULT" || !int.TryParse(next["id"], out id) || !_pending.TryGetValue(id, out call)) return false;
                _pending.Remove(id);
                if (call == null) return true;
                _awaited--;
                var outcome = next["code"];
                if (outcome == "ok") Completion.OnPool(call.Source, Json.Raw(next.Json, "result"), null);
                else Completion.OnPool(call.Source, null, new SonoranCallException(call.Method, outcome, next["message"]));
                return true;
            }
        }

        internal void Cancel(Call call)
        {
            lock (_pending)
            {
                Call pending;
                if (!_pending.TryGetValue(call.Id, out pending) || pending == null) return;
                _pending[call.Id] = null;
                _awaited--;
                Completion.OnPool(call.Source, null, new OperationCanceledException());
            }
        }

        /// <summary>Fails all calls: no more results will come.</summary>
        internal void Fail(Exception failure)
        {
            lock (_pending)
            {
                foreach (var call in _pending.Values)
                    if (call != null) Completion.OnPool(call.Source, null, failure);
                _pending.Clear();
                _awaited = 0;
            }
        }

        internal sealed class Call
        {
            internal readonly TaskCompletionSource<string> Source = new TaskCompletionSource<string>();
            internal string Method;
            internal int Id;
        }
    }
}
