using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Sonoran.Events
{
    /// <summary>
    /// The options of a session, by the names that sonoran.h lists:
    /// <code>new SonoranOptions { { "communityId", "abc" }, { "apiKey", key }, { "serverId", 1 } }</code>
    /// A null value leaves its option out. Names and ranges are checked by the library when it connects.
    /// </summary>
    public sealed class SonoranOptions : IEnumerable
    {
        private readonly List<KeyValuePair<string, string>> _members = new List<KeyValuePair<string, string>>();

        /// <summary>Adds a text.</summary>
        public void Add(string name, string value)
        {
            if (value == null) return;
            var json = new StringBuilder();
            Json.Quote(json, value);
            AddJson(name, json.ToString());
        }

        /// <summary>Adds a whole number.</summary>
        public void Add(string name, long? value)
        {
            if (value != null) AddJson(name, value.Value.ToString(CultureInfo.InvariantCulture));
        }

        /// <summary>Adds true or false.</summary>
        public void Add(string name, bool? value)
        {
            if (value != null) AddJson(name, value.Value ? "true" : "false");
        }

        /// <summary>Adds JSON text, for `headers`.</summary>
        public void AddJson(string name, string json)
        {
            if (json != null) _members.Add(new KeyValuePair<string, string>(name, json));
        }

        /// <summary>The options as the library reads them. It holds the API key: do not log it.</summary>
        public string ToJson()
        {
            var json = new StringBuilder("{");
            foreach (var member in _members)
            {
                if (json.Length > 1) json.Append(',');
                Json.Quote(json, member.Key);
                json.Append(':').Append(member.Value);
            }
            return json.Append('}').ToString();
        }

        /// <summary>The names of the options that are set.</summary>
        public IEnumerator GetEnumerator()
        {
            foreach (var member in _members) yield return member.Key;
        }
    }
}
