using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;

namespace Sonoran.Events
{
    /// <summary>
    /// The one thread that waits for all sessions of a library. A host that only polls never starts it.
    ///
    /// It polls each session in turn, one event per turn, for fairness. If none had one, it blocks until the first
    /// session has. Idling costs four wake-ups a second, however many sessions there are.
    ///
    /// Only this thread ends waits, even cancelled ones. So an event that it has taken always has a wait to go to,
    /// and no later Poll can overtake it.
    /// </summary>
    internal sealed class WaitThread
    {
        /// <summary>
        /// The longest native wait. Mono and .NET Framework cannot abort a thread in native code, and unloading
        /// an AppDomain waits for it.
        /// </summary>
        internal const int LongestMs = 250;

        private readonly NativeApi _api;
        // Guards everything below, and the Waits and Woken of the sessions.
        private readonly object _gate = new object();
        // Sessions with waits or awaited calls.
        private readonly List<SonoranSession> _sessions = new List<SonoranSession>();
        // One of the sessions that the thread blocks on; 0 if it does not block.
        private int _blockedOn;
        private bool _started, _ended, _news;

        internal WaitThread(NativeApi api)
        {
            _api = api;
#if NET8_0_OR_GREATER
            var context = System.Runtime.Loader.AssemblyLoadContext.GetLoadContext(typeof(WaitThread).Assembly);
            if (context != null) context.Unloading += unloading => End();
#else
            AppDomain.CurrentDomain.DomainUnload += (sender, arguments) => End();
#endif
        }

        /// <summary>Adds a wait for the session's next event; returns null if a wake was pending.</summary>
        internal Wait Add(SonoranSession session, int timeoutMs, bool blocking)
        {
            lock (_gate)
            {
                if (_ended) throw Unloaded();
                if (session.Waits.Count == 0 && session.Woken)
                {
                    session.Woken = false;
                    return null;
                }
                var wait = new Wait(timeoutMs, blocking);
                session.Waits.Add(wait);
                Watch(session);
                return wait;
            }
        }

        /// <summary>Serves a session's calls.</summary>
        internal void Add(SonoranSession session)
        {
            lock (_gate)
            {
                if (_ended) throw Unloaded();
                Watch(session);
            }
        }

        private void Watch(SonoranSession session)
        {
            if (!_sessions.Contains(session)) _sessions.Add(session);
            Start();
            Tell();
        }

        /// <summary>Whether the session has waits or a pending wake.</summary>
        internal bool Busy(SonoranSession session)
        {
            lock (_gate) return session.Waits.Count > 0 || session.Woken;
        }

        internal void Cancel(Wait wait)
        {
            lock (_gate)
            {
                wait.Cancelled = true;
                Tell();
            }
        }

        internal void Wake(SonoranSession session)
        {
            lock (_gate)
            {
                session.Woken = true;
                Tell();
            }
        }

        private void Start()
        {
            if (_started) return;
            _started = true;
            new Thread(Run, 256 * 1024) { IsBackground = true, Name = "sonoran waits" }.Start();
        }

        /// <summary>Makes the thread check everything again.</summary>
        private void Tell()
        {
            _news = true;
            if (_blockedOn != 0) _api.Wake(_blockedOn);
            else Monitor.Pulse(_gate);
        }

        /// <summary>The code that waits is unloaded: every wait ends, and so does the thread.</summary>
        private void End()
        {
            lock (_gate)
            {
                _ended = true;
                Tell();
            }
        }

        private static Exception Unloaded()
        {
            // The only exception that ends a thread silently if nobody catches it.
            return new AppDomainUnloadedException("The code that waits for sonoran's events is being unloaded.");
        }

        private void Run()
        {
            try
            {
                SonoranSession[] sessions;
                while ((sessions = Next()) != null)
                {
                    try
                    {
                        if (!Serve(sessions)) Block(sessions);
                    }
                    catch (Exception e) when (!(e is ThreadAbortException))
                    {
                        // Out of memory, most likely: fail the waits rather than the process.
                        FailAll(e);
                    }
                }
            }
            finally
            {
                FailAll(Unloaded());
            }
        }

        /// <summary>Blocks until there are sessions to serve; null if the thread must end.</summary>
        private SonoranSession[] Next()
        {
            lock (_gate)
            {
                while (!_ended && _sessions.Count == 0) Monitor.Wait(_gate);
                _news = false;
                return _ended ? null : _sessions.ToArray();
            }
        }

        /// <summary>Gives every session its turn. Returns whether one had an event.</summary>
        private bool Serve(SonoranSession[] sessions)
        {
            var served = false;
            foreach (var session in sessions)
            {
                SonoranEvent next = null;
                var waited = EndDue(session);
                if (waited && (next = session.Poll()) != null) Give(session, next);
                if (next != null || !waited && session.Calls.Pump()) served = true;
                else FailIfGone(session);
                Leave(session);
            }
            return served;
        }

        private void Leave(SonoranSession session)
        {
            lock (_gate)
                if (session.Waits.Count == 0 && !session.Calls.Awaited) _sessions.Remove(session);
        }

        /// <summary>Ends the waits that are woken, cancelled or out of time. Returns whether others are left.</summary>
        private bool EndDue(SonoranSession session)
        {
            lock (_gate)
            {
                if (session.Woken && session.Waits.Count > 0)
                {
                    session.Woken = false;
                    Remove(session, 0).Complete(null, null);
                }
                for (var i = session.Waits.Count - 1; i >= 0; i--)
                {
                    var wait = session.Waits[i];
                    if (wait.Cancelled) Remove(session, i).Complete(null, new OperationCanceledException());
                    else if (wait.LeftMs == 0) Remove(session, i).Complete(null, null);
                }
                return session.Waits.Count > 0;
            }
        }

        private void Give(SonoranSession session, SonoranEvent next)
        {
            lock (_gate) Remove(session, 0).Complete(next, null);
        }

        private void FailIfGone(SonoranSession session)
        {
            var failure = session.Failure();
            if (failure != null) Fail(session, failure);
        }

        private void Fail(SonoranSession session, Exception failure)
        {
            session.Calls.Fail(failure);
            lock (_gate)
                while (session.Waits.Count > 0) Remove(session, 0).Complete(null, failure);
        }

        private void FailAll(Exception failure)
        {
            SonoranSession[] sessions;
            lock (_gate)
            {
                sessions = _sessions.ToArray();
                _sessions.Clear();
            }
            foreach (var session in sessions) Fail(session, failure);
        }

        private static Wait Remove(SonoranSession session, int index)
        {
            var wait = session.Waits[index];
            session.Waits.RemoveAt(index);
            return wait;
        }

        /// <summary>Blocks until something happens to one of the sessions.</summary>
        private void Block(SonoranSession[] sessions)
        {
            var milliseconds = LongestMs;
            var numbers = new List<int>();
            lock (_gate)
            {
                if (_news) return;
                foreach (var session in sessions)
                {
                    foreach (var wait in session.Waits) milliseconds = Math.Min(milliseconds, wait.LeftMs);
                    // If only calls are awaited, leave the events to the host for a while.
                    var mayTakeIn = session.Waits.Count > 0 ? 0 : session.Calls.PumpInMs;
                    if (mayTakeIn == 0) numbers.Add(session.Id);
                    else milliseconds = Math.Min(milliseconds, mayTakeIn);
                }
                if (numbers.Count == 0)
                {
                    Monitor.Wait(_gate, milliseconds);
                    return;
                }
                _blockedOn = numbers[0];
            }
            try
            {
                // It takes no event. Whatever it returns, the sessions get their turn next.
                _api.WaitAny(numbers.ToArray(), numbers.Count, milliseconds);
            }
            finally
            {
                lock (_gate) _blockedOn = 0;
            }
        }

        /// <summary>One caller's wait for one event.</summary>
        internal sealed class Wait
        {
            private readonly TaskCompletionSource<SonoranEvent> _source = new TaskCompletionSource<SonoranEvent>();
            private readonly Stopwatch _clock = Stopwatch.StartNew();
            private readonly int _timeoutMs;
            private readonly bool _blocking;

            internal Wait(int timeoutMs, bool blocking)
            {
                _timeoutMs = timeoutMs;
                _blocking = blocking;
            }

            internal bool Cancelled;

            internal Task<SonoranEvent> Task
            {
                get { return _source.Task; }
            }

            internal int LeftMs
            {
                get { return _timeoutMs < 0 ? int.MaxValue : (int)Math.Max(0, _timeoutMs - _clock.ElapsedMilliseconds); }
            }

            /// <summary>Releases a blocking caller directly, because it may be blocking the pool.</summary>
            internal void Complete(SonoranEvent next, Exception failure)
            {
                if (_blocking) Completion.Here(_source, next, failure);
                else Completion.OnPool(_source, next, failure);
            }
        }
    }
}
