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
    /// It polls each session in turn, one event a turn, which is fair, and when none had one it blocks until the first
    /// of them has. Being idle costs four wake-ups a second, however many sessions there are.
    ///
    /// Waits are ended by this thread alone, cancelled ones too. So an event that it has taken always has a wait
    /// to go to, and nobody's next Poll can overtake it.
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
        // Those that somebody waits for, or whose calls somebody awaits.
        private readonly List<SonoranSession> _sessions = new List<SonoranSession>();
        // A session among those that the thread blocks on; 0: it does not.
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

        /// <summary>Adds a wait for the session's next event; null when a wake was due already.</summary>
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

        /// <summary>Looks after a session's calls.</summary>
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

        /// <summary>Whether somebody waits for the session's next event, or is to be woken.</summary>
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

        /// <summary>Makes the thread look at everything again.</summary>
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
            // The one exception that ends a thread in silence where nobody catches it.
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
                        // No memory, most likely: better that the waits fail than the process.
                        FailAll(e);
                    }
                }
            }
            finally
            {
                FailAll(Unloaded());
            }
        }

        /// <summary>The sessions that are waited for, as soon as there are any; null: it is over.</summary>
        private SonoranSession[] Next()
        {
            lock (_gate)
            {
                while (!_ended && _sessions.Count == 0) Monitor.Wait(_gate);
                _news = false;
                return _ended ? null : _sessions.ToArray();
            }
        }

        /// <summary>Gives every session its turn; whether one of them had an event.</summary>
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

        /// <summary>Ends the waits that are woken, cancelled or out of time; whether others are left.</summary>
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
                    // Where only calls are awaited, events are the host's to poll for a while.
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
                // It takes no event. Whatever it returns, the sessions have their turn next.
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

            /// <summary>A caller that blocks is let go at once, for it may be the pool that it blocks.</summary>
            internal void Complete(SonoranEvent next, Exception failure)
            {
                if (_blocking) Completion.Here(_source, next, failure);
                else Completion.OnPool(_source, next, failure);
            }
        }
    }
}
