using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;

namespace Sonoran.Events
{
    /// <summary>
    /// One connection to the hub, for one CAD server. Any thread may call it.
    /// A host with a tick calls <see cref="Drain(int)"/>; a host with threads awaits <see cref="WaitAsync(CancellationToken)"/>.
    /// There is no finalizer: a session that is dropped without Dispose lives on in the library, so that
    /// its successor (a restarted plugin) can take it over, and ends by itself after `idleCloseMs`.
    /// </summary>
    public sealed partial class SonoranSession : IDisposable
    {
        private const int SessionError = -10;

        // Guarded by the library's WaitThread.
        internal readonly List<WaitThread.Wait> Waits = new List<WaitThread.Wait>();
        internal bool Woken;

        internal readonly Calls Calls;

        private readonly NativeApi _api;
        private readonly Handlers _handlers = new Handlers();

        internal SonoranSession(SonoranLibrary library, int id)
        {
            Library = library;
            _api = library.Api;
            Id = id;
            Calls = new Calls(() => Event(_api.PollEvent(Id)));
        }

        /// <summary>Opens a session with the library from its usual place (<see cref="SonoranLibrary.Load()"/>).</summary>
        public static SonoranSession Connect(SonoranOptions options)
        {
            return SonoranLibrary.Load().Connect(options);
        }

        /// <summary>The library that the session lives in.</summary>
        public SonoranLibrary Library { get; }

        /// <summary>The session's number in the library.</summary>
        public int Id { get; }

        /// <summary>The session's current state, which may be ahead of the events.</summary>
        public SonoranState State
        {
            get
            {
                var state = _api.State(Id);
                if (state != SessionError) return (SonoranState)_api.Check(state);
                return Calls.Holding ? SonoranState.Closed : SonoranState.Gone;
            }
        }

        /// <summary>The next event, or null if there is none. Never blocks.</summary>
        public SonoranEvent Poll()
        {
            return Calls.Next();
        }

        /// <summary>
        /// Calls <paramref name="handle"/> for each event of a type (or, with "*", for every event) that
        /// <see cref="Drain(int)"/> or <see cref="RunAsync"/> takes, on its thread. Dispose the result to stop.
        /// </summary>
        public IDisposable On(string type, Action<SonoranEvent> handle)
        {
            return _handlers.Add(type, handle);
        }

        /// <summary>
        /// For hosts with a tick: passes queued events to the handlers of <see cref="On"/>, within
        /// <paramref name="budgetMs"/>; returns how many. A handler's exception is rethrown after the event's other
        /// handlers; the remaining events stay queued.
        /// </summary>
        public int Drain(int budgetMs)
        {
            return Drain(_handlers.Dispatch, budgetMs);
        }

        /// <summary>
        /// For hosts with threads: passes every event to the handlers of <see cref="On"/>, up to the last one,
        /// SESSION_CLOSED. A handler's exception ends it after the event's other handlers.
        /// </summary>
        public async Task RunAsync(CancellationToken cancel = default(CancellationToken))
        {
            SonoranEvent next;
            do
            {
                next = await WaitAsync(cancel).ConfigureAwait(false);
                if (next != null) _handlers.Dispatch(next);
            } while (next == null || next.Type != "SESSION_CLOSED");
        }

        /// <summary>
        /// For hosts with a tick: passes on queued events until none is left or <paramref name="budgetMs"/>
        /// are spent, but at least one; returns how many.
        /// </summary>
        public int Drain(Action<SonoranEvent> handle, int budgetMs)
        {
            var clock = Stopwatch.StartNew();
            var count = 0;
            SonoranEvent next;
            while ((next = Poll()) != null)
            {
                count++;
                handle(next);
                if (clock.ElapsedMilliseconds >= budgetMs) break;
            }
            return count;
        }

        /// <summary>
        /// Blocks the calling thread until there is an event. Null: the time is up, or <see cref="Wake"/>
        /// was called. A negative timeout waits without limit.
        /// </summary>
        /// <exception cref="SonoranException">The session is gone.</exception>
        /// <exception cref="AppDomainUnloadedException">The AppDomain or AssemblyLoadContext of this assembly is being unloaded.</exception>
        public SonoranEvent Wait(int timeoutMs)
        {
            SonoranEvent next;
            if (At(timeoutMs, out next)) return next;
            var wait = Library.WaitThread.Add(this, timeoutMs, blocking: true);
            if (wait == null) return null;
            try
            {
                return wait.Task.GetAwaiter().GetResult();
            }
            catch (ThreadInterruptedException)
            {
                Library.WaitThread.Cancel(wait); // an event must not go to an abandoned wait
                throw;
            }
        }

        /// <summary>The next event, as soon as there is one; null only after <see cref="Wake"/>.</summary>
        /// <exception cref="SonoranException">The session is gone.</exception>
        public Task<SonoranEvent> WaitAsync(CancellationToken cancel = default(CancellationToken))
        {
            return WaitAsync(-1, cancel);
        }

        /// <summary>
        /// The next event, as soon as there is one. Null: the time is up, or <see cref="Wake"/> was called.
        /// One thread waits for all sessions of a library: a wait occupies none. Cancelling never loses an event.
        /// </summary>
        /// <exception cref="SonoranException">The session is gone.</exception>
        /// <exception cref="AppDomainUnloadedException">The AppDomain or AssemblyLoadContext of this assembly is being unloaded.</exception>
        public async Task<SonoranEvent> WaitAsync(int timeoutMs, CancellationToken cancel = default(CancellationToken))
        {
            cancel.ThrowIfCancellationRequested();
            SonoranEvent next;
            if (At(timeoutMs, out next)) return next;
            var thread = Library.WaitThread;
            var wait = thread.Add(this, timeoutMs, blocking: false);
            if (wait == null) return null;
            try
            {
                using (cancel.Register(() => thread.Cancel(wait)))
                    return await wait.Task.ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                throw new OperationCanceledException(cancel);
            }
        }

        /// <summary>Whether there is no need to wait: an event is queued, or the timeout is 0.</summary>
        private bool At(int timeoutMs, out SonoranEvent next)
        {
            next = null;
            if (Library.WaitThread.Busy(this)) return false;
            next = Poll();
            if (next != null) return true;
            var failure = Failure();
            if (failure != null) throw failure;
            return timeoutMs == 0;
        }

#if NET8_0_OR_GREATER
        /// <summary>
        /// All events up to the last one, SESSION_CLOSED, for `await foreach`. It also ends when the
        /// AssemblyLoadContext of this assembly is being unloaded.
        /// </summary>
        public async IAsyncEnumerable<SonoranEvent> ReadAllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel = default)
        {
            while (true)
            {
                SonoranEvent next;
                try
                {
                    next = await WaitAsync(cancel).ConfigureAwait(false);
                }
                catch (AppDomainUnloadedException)
                {
                    yield break;
                }
                if (next == null) continue;
                yield return next;
                if (next.Type == "SESSION_CLOSED") yield break;
            }
        }
#endif

        /// <summary>Why no more events will come; null while one may.</summary>
        internal SonoranException Failure()
        {
            var state = _api.State(Id);
            return state < 0 ? _api.Failure(state) : null;
        }

        /// <summary>
        /// For an event loop outside .NET to wait on until there is an event to poll: a file descriptor, on Windows an
        /// event's HANDLE. It belongs to the library: only wait on it.
        /// </summary>
        /// <exception cref="SonoranException">The session is gone, or the system refuses a handle.</exception>
        public IntPtr NativeHandle()
        {
            var handle = _api.WaitHandle(Id);
            _api.Check(handle.ToInt64() < 0 ? (int)handle.ToInt64() : 0);
            return handle;
        }

        /// <summary>Makes the current wait, or else the next one, return null once.</summary>
        /// <exception cref="SonoranException">The session is gone.</exception>
        public void Wake()
        {
            var failure = Failure();
            if (failure != null) throw failure;
            Library.WaitThread.Wake(this);
        }

        /// <summary>
        /// Calls a method of the hub with a JSON array of arguments. Returns a number; one
        /// SESSION_CALL_RESULT event with that number as `id` follows.
        /// </summary>
        public int Invoke(string method, string argumentsJson)
        {
            return _api.Check(_api.Invoke(Id, Utf8.Bytes(method, "method"), Utf8.Bytes(argumentsJson, "argumentsJson")));
        }

        /// <summary>
        /// Calls a method of the hub with a JSON array of arguments, and returns its result as JSON text. The
        /// result is then not an event. Await it anywhere, even in a loop over the events. Cancelling abandons the
        /// result; the hub still executes the call.
        /// </summary>
        /// <exception cref="SonoranCallException">The hub refused the call, or there is no answer.</exception>
        /// <exception cref="SonoranException">The call could not be made.</exception>
        public async Task<string> InvokeAsync(string method, string argumentsJson, CancellationToken cancel = default(CancellationToken))
        {
            cancel.ThrowIfCancellationRequested();
            var call = Calls.Start(method, () => Invoke(method, argumentsJson));
            Library.WaitThread.Add(this);
            try
            {
                using (cancel.Register(() => Calls.Cancel(call)))
                    return await call.Source.Task.ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                throw new OperationCanceledException(cancel);
            }
        }

        /// <summary>Takes a JSON array of unit locations, as often as you like: the library limits the rate.</summary>
        public void SendUnitLocations(string updatesJson)
        {
            _api.Check(_api.SendUnitLocations(Id, Utf8.Bytes(updatesJson, "updatesJson")));
        }

        /// <summary>Adds a push that reached the host by HTTP to the events, after checking its key.</summary>
        public void Ingest(string body)
        {
            _api.Check(_api.Ingest(Id, Utf8.Bytes(body, "body")));
        }

        /// <summary>The session's figures as a JSON object; sonoran.h explains them.</summary>
        /// <exception cref="SonoranException">The session is gone.</exception>
        public string StatsJson()
        {
            var stats = _api.Take(_api.Stats(Id));
            if (stats == null) throw _api.Failure(SessionError);
            return stats;
        }

        /// <summary>Ends the session. Queued events can still be taken; SESSION_CLOSED is the last.</summary>
        public void Disconnect()
        {
            var result = _api.Disconnect(Id);
            if (result != SessionError) _api.Check(result);
        }

        /// <summary>As <see cref="Disconnect"/>, but never throws.</summary>
        public void Dispose()
        {
            _api.Disconnect(Id);
        }

        private SonoranEvent Event(IntPtr text)
        {
            if (text == IntPtr.Zero) return null;
#if NET8_0_OR_GREATER
            var next = new SonoranEvent(_api.TakeBytes(text));
#else
            var next = new SonoranEvent(_api.Take(text));
#endif
#if SONORAN_LOGGER
            Log(next);
#endif
            return next;
        }
    }
}
