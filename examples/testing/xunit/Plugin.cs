using System.Collections.Generic;
using System.Text.Json;
using Sonoran.Events;

namespace Example
{
    /// <summary>A typical game server plugin: it keeps a list of 911 calls, and reports where its units are.</summary>
    public sealed class Plugin
    {
        public readonly SonoranSession Session;
        public readonly List<string> Callers = new List<string>();
        public int TimesReady;

        public Plugin(SonoranSession session)
        {
            Session = session;
            Session.On("SESSION_READY", e => TimesReady++);
            Session.On("EVENT_911", e =>
            {
                using (var document = JsonDocument.Parse(e.Json))
                    Callers.Add(document.RootElement.GetProperty("data").GetProperty("call").GetProperty("caller").GetString());
            });
        }

        /// <summary>One tick of the game server. The library never blocks it.</summary>
        public void Tick()
        {
            Session.Drain(budgetMs: 5);
        }

        public void Report(string id, string location)
        {
            Session.SendUnitLocations(JsonSerializer.Serialize(new[] { new { communityUserId = id, location } }));
        }
    }
}
