using System;
using System.Text;

namespace Sonoran.Events
{
    /// <summary>
    /// One event: the JSON text exactly as the hub sent it or, if the type starts with SESSION_, as the
    /// library wrote it. Pass <see cref="Json"/> to the JSON library of your choice.
    /// </summary>
    public sealed class SonoranEvent
    {
        private string _type;

#if NET8_0_OR_GREATER
        private readonly byte[] _utf8;
        private string _json;

        internal SonoranEvent(byte[] utf8)
        {
            _utf8 = utf8;
        }

        internal SonoranEvent(string json) : this(Encoding.UTF8.GetBytes(json)) { }

        /// <summary>The event as JSON text: an object with a string `type`.</summary>
        public string Json
        {
            get { return _json ?? (_json = Encoding.UTF8.GetString(_utf8)); }
        }

        /// <summary>The same as UTF-8, for System.Text.Json: `JsonDocument.Parse(happened.Utf8Json)`.</summary>
        public ReadOnlyMemory<byte> Utf8Json
        {
            get { return _utf8; }
        }
#else
        internal SonoranEvent(string json)
        {
            Json = json;
        }

        /// <summary>The event as JSON text: an object with a string `type`.</summary>
        public string Json { get; }
#endif

        /// <summary>The type to dispatch on, such as EVENT_911 or SESSION_READY.</summary>
        public string Type
        {
            get { return _type ?? (_type = this["type"] ?? ""); }
        }

        /// <summary>
        /// A top-level member: a string's content, any other value's JSON text, or null if there is none.
        /// Enough for the members of a SESSION_ event, such as `message`.
        /// </summary>
        public string this[string member]
        {
#if NET8_0_OR_GREATER
            get { return Events.Json.Text(_utf8, member); }
#else
            get { return Events.Json.Text(Json, member); }
#endif
        }

        /// <summary>Only the type: the text of a push may hold the community's API key.</summary>
        public override string ToString()
        {
            return Type;
        }
    }
}
