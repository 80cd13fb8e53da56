namespace Sonoran.Events
{
    /// <summary>
    /// One event: the JSON text exactly as the hub sent it, or as the library wrote it where the type
    /// starts with SESSION_. Give <see cref="Json"/> to the JSON library of your choice.
    /// </summary>
    public sealed class SonoranEvent
    {
        private string _type;

        internal SonoranEvent(string json)
        {
            Json = json;
        }

        /// <summary>The event as JSON text: an object with a string `type`.</summary>
        public string Json { get; }

        /// <summary>What to dispatch on, such as EVENT_911 or SESSION_READY.</summary>
        public string Type
        {
            get { return _type ?? (_type = this["type"] ?? ""); }
        }

        /// <summary>
        /// A top-level member: of a string its content, of any other value its JSON text; null where
        /// there is none. Enough for the members of a SESSION_ event, such as `message`.
        /// </summary>
        public string this[string member]
        {
            get { return Events.Json.Text(Json, member); }
        }

        /// <summary>The type alone: the text of a push may hold the community's API key.</summary>
        public override string ToString()
        {
            return Type;
        }
    }
}
