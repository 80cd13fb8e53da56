using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;

namespace Sonoran.Events
{
    /// <summary>The handlers of each event type.</summary>
    internal sealed class Handlers
    {
        private const string Every = "*";

        // Lists are replaced, never changed, so that a handler may add and remove others.
        private readonly Dictionary<string, Action<SonoranEvent>[]> _byType = new Dictionary<string, Action<SonoranEvent>[]>(StringComparer.OrdinalIgnoreCase);

        internal IDisposable Add(string type, Action<SonoranEvent> handler)
        {
            if (type == null) throw new ArgumentNullException("type");
            if (handler == null) throw new ArgumentNullException("handler");
            lock (_byType)
            {
                var list = new List<Action<SonoranEvent>>(Of(type)) { handler };
                _byType[type] = list.ToArray();
            }
            return new Registration(() => Remove(type, handler));
        }

        private void Remove(string type, Action<SonoranEvent> handler)
        {
            lock (_byType)
            {
                var list = new List<Action<SonoranEvent>>(Of(type));
                list.Remove(handler);
                _byType[type] = list.ToArray();
            }
        }

        private Action<SonoranEvent>[] Of(string type)
        {
            Action<SonoranEvent>[] handlers;
            lock (_byType) return _byType.TryGetValue(type, out handlers) ? handlers : new Action<SonoranEvent>[0];
        }

        /// <summary>Passes an event to all its handlers, even if one throws.</summary>
        internal void Dispatch(SonoranEvent happened)
        {
            ExceptionDispatchInfo first = null;
            foreach (var handlers in new[] { Of(happened.Type), Of(Every) })
                foreach (var handler in handlers)
                    try
                    {
                        handler(happened);
                    }
                    catch (Exception e)
                    {
                        first = first ?? ExceptionDispatchInfo.Capture(e);
                    }
            if (first != null) first.Throw();
        }

        private sealed class Registration : IDisposable
        {
            private Action _remove;

            internal Registration(Action remove)
            {
                _remove = remove;
            }

            public void Dispose()
            {
                var remove = _remove;
                _remove = null;
                if (remove != null) remove();
            }
        }
    }
}
